#include "train/cli/embedding_file.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/runtime/profile.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

constexpr double kSecondsBetweenCommits = 5;

int64_t longest(const std::vector<std::string>& texts) {
  size_t most = 1;
  for (const std::string& text : texts) most = std::max(most, text.size());
  return static_cast<int64_t>(most);
}

std::vector<int64_t> row_of(const Tensor& x) {
  const std::vector<int64_t> dims = x.shape().to_vector();
  return {dims.begin() + 1, dims.end()};
}

}  // namespace

EmbeddingFile::EmbeddingFile(const std::string& path, const std::string& identity, bool overwrite,
                             const std::vector<QuerySource>& sources,
                             std::vector<std::string> class_names)
    : path_(path), identity_(identity), sources_(sources), class_names_(std::move(class_names)) {
  VIC_CHECK(UsageError, is_array_extension(fs::path(path).extension().string()), "--out '", path,
            "': the name must end in .safetensors, .npz, .h5 or .hdf5");
  VIC_CHECK(UsageError, overwrite || !fs::exists(path), "'", path,
            "' exists; use --overwrite to replace it");
  const fs::path folder = fs::path(path).parent_path();
  if (!folder.empty()) make_directories(folder.string());
  file_ = ArrayFile::resume(path, identity);
  if (!file_) return;
  while (file_->arrays()[outputs_].name != "ok") ++outputs_;
  done_ = static_cast<size_t>(file_->rows(outputs_));
  log_info("going on with '", path, ".part' at image ", done_);
}

void EmbeddingFile::create(const std::vector<NamedTensor>& outputs) {
  const auto rows = static_cast<int64_t>(sources_.size());
  std::vector<ArraySpec> arrays;
  for (const NamedTensor& output : outputs)
    arrays.push_back({output.name, ArraySpec::Type::f32, rows, row_of(output.tensor)});
  outputs_ = arrays.size();
  size_t width = 1;
  for (const QuerySource& source : sources_) width = std::max(width, source.name.size());
  arrays.push_back({"ok", ArraySpec::Type::u8, rows, {}});
  arrays.push_back({"files", ArraySpec::Type::text, rows, {}, static_cast<int64_t>(width)});
  if (!class_names_.empty()) {
    arrays.push_back({"class_names",
                      ArraySpec::Type::text,
                      static_cast<int64_t>(class_names_.size()),
                      {},
                      longest(class_names_)});
  }
  file_ = ArrayFile::create(path_, identity_, std::move(arrays));
  for (const std::string& name : class_names_) append_text(outputs_ + 2, name);
  for (; waiting_ > 0; --waiting_) append_failure();
}

void EmbeddingFile::append_text(size_t number, const std::string& text) {
  std::string padded = text;
  padded.resize(file_->arrays()[number].row_bytes(), '\0');
  file_->append(number, padded.data(), padded.size());
}

void EmbeddingFile::append_names(size_t count, uint8_t ok) {
  for (size_t i = 0; i < count; ++i, ++done_) {
    file_->append(outputs_, &ok, 1);
    append_text(outputs_ + 1, sources_[done_].name);
  }
}

void EmbeddingFile::append_failure() {
  for (size_t i = 0; i < outputs_; ++i) {
    const std::vector<float> row(file_->arrays()[i].row_bytes() / sizeof(float),
                                 std::numeric_limits<float>::quiet_NaN());
    file_->append(i, row.data(), row.size() * sizeof(float));
  }
  append_names(1, 0);
}

void EmbeddingFile::add_failure() {
  if (file_) {
    append_failure();
  } else {
    ++waiting_;
  }
}

void EmbeddingFile::check_shapes(const EmbeddedRows& rows) const {
  for (size_t i = 0; i < rows.outputs.size(); ++i) {
    const ArraySpec& array = file_->arrays()[i];
    const std::vector<int64_t> row = row_of(rows.outputs[i].tensor);
    VIC_CHECK(DataError, row == array.row, "'", sources_[done_].name, "', ", rows.seen.width, " x ",
              rows.seen.height, " pixels, has ", array.name, " of ", Shape(row),
              ", the images before it of ", Shape(array.row),
              ": images must come to one size, with data.eval_crop=N or data.eval_resize=HxW");
  }
}

void EmbeddingFile::add(const EmbeddedRows& rows) {
  if (rows.outputs.empty()) return add_failure();
  if (!file_) create(rows.outputs);
  check_shapes(rows);
  for (size_t i = 0; i < rows.outputs.size(); ++i)
    file_->append(i, rows.outputs[i].tensor.raw(), rows.outputs[i].tensor.bytes());
  append_names(static_cast<size_t>(rows.outputs[0].tensor.dim(0)), 1);
}

void EmbeddingFile::commit() {
  if (!file_ || seconds_since(last_commit_) < kSecondsBetweenCommits) return;
  file_->commit();
  last_commit_ = std::chrono::steady_clock::now();
}

void EmbeddingFile::finish() {
  VIC_CHECK(DataError, file_, "none of the ", sources_.size(),
            " images could be used: nothing was written");
  file_->finish();
}

}  // namespace vicinity
