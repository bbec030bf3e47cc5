#include "data/arrays/array_file.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/files.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string part_of(const std::string& path) { return path + ".part"; }
std::string progress_of(const std::string& path) { return path + ".part.progress"; }
std::string extension_of(const std::string& path) { return fs::path(path).extension().string(); }

}  // namespace

ArrayFile::ArrayFile(std::string path, std::string identity, std::vector<ArraySpec> arrays,
                     std::vector<uint64_t> offsets)
    : path_(std::move(path)),
      identity_(std::move(identity)),
      arrays_(std::move(arrays)),
      offsets_(std::move(offsets)),
      written_(arrays_.size(), 0),
      file_(open(part_of(path_).c_str(), O_WRONLY | O_CLOEXEC)) {
  VIC_CHECK(IoError, file_ >= 0, "cannot open '", part_of(path_), "': ", std::strerror(errno));
  for (const ArraySpec& array : arrays_) crcs_.push_back(npy_header_crc(array));
}

ArrayFile::~ArrayFile() {
  if (file_ >= 0) close(file_);
}

std::unique_ptr<ArrayFile> ArrayFile::create(const std::string& path, const std::string& identity,
                                             std::vector<ArraySpec> arrays) {
  VIC_CHECK(UsageError, is_array_extension(extension_of(path)), "'", path,
            "': there are .safetensors, .npz, .h5 and .hdf5");
  fs::remove(progress_of(path));  // before the file, whose state it tells
  std::vector<uint64_t> offsets = create_arrays(part_of(path), extension_of(path), arrays);
  return std::unique_ptr<ArrayFile>(
      new ArrayFile(path, identity, std::move(arrays), std::move(offsets)));
}

std::unique_ptr<ArrayFile> ArrayFile::resume(const std::string& path, const std::string& identity) {
  if (!fs::exists(part_of(path)) || !fs::exists(progress_of(path))) return nullptr;
  const Json progress = Json::parse(read_file(progress_of(path)), nullptr, false);
  if (progress.is_discarded() || progress.value("identity", "") != identity) return nullptr;
  std::vector<ArraySpec> arrays;
  std::vector<uint64_t> offsets;
  for (const Json& a : progress.at("arrays")) {
    arrays.push_back({a.at("name"), a.at("type").get<ArraySpec::Type>(), a.at("rows"), a.at("row"),
                      a.at("width")});
    offsets.push_back(a.at("offset"));
  }
  std::unique_ptr<ArrayFile> file(
      new ArrayFile(path, identity, std::move(arrays), std::move(offsets)));
  for (size_t i = 0; i < file->arrays_.size(); ++i) {
    file->written_[i] = progress.at("arrays")[i].at("written");
    file->crcs_[i] = progress.at("arrays")[i].at("crc");
  }
  return file;
}

int64_t ArrayFile::rows(size_t number) const {
  return static_cast<int64_t>(written_[number] / arrays_[number].row_bytes());
}

void ArrayFile::append(size_t number, const void* data, uint64_t bytes) {
  const ArraySpec& array = arrays_[number];
  VIC_ASSERT(bytes % array.row_bytes() == 0 && written_[number] + bytes <= array.bytes(), bytes,
             " bytes for ", array.name);
  const auto* text = static_cast<const char*>(data);
  write_at(file_, {text, bytes}, offsets_[number] + written_[number], part_of(path_));
  crcs_[number] = static_cast<uint32_t>(
      crc32_z(crcs_[number], reinterpret_cast<const Bytef*>(text), static_cast<z_size_t>(bytes)));
  written_[number] += bytes;
}

void ArrayFile::commit() {
  VIC_CHECK(IoError, fdatasync(file_) == 0, "cannot sync '", part_of(path_),
            "': ", std::strerror(errno));
  Json progress{{"identity", identity_}, {"arrays", Json::array()}};
  for (size_t i = 0; i < arrays_.size(); ++i) {
    const ArraySpec& a = arrays_[i];
    progress["arrays"].push_back({{"name", a.name},
                                  {"type", a.type},
                                  {"rows", a.rows},
                                  {"row", a.row},
                                  {"width", a.width},
                                  {"offset", offsets_[i]},
                                  {"written", written_[i]},
                                  {"crc", crcs_[i]}});
  }
  write_file_atomically(progress_of(path_), progress.dump());
}

void ArrayFile::finish() {
  for (size_t i = 0; i < arrays_.size(); ++i)
    VIC_ASSERT(written_[i] == arrays_[i].bytes(), "rows of ", arrays_[i].name, " are missing");
  if (extension_of(path_) == ".npz") finish_npz(part_of(path_), arrays_, crcs_);
  VIC_CHECK(IoError, fsync(file_) == 0, "cannot sync '", part_of(path_),
            "': ", std::strerror(errno));
  rename_durably(part_of(path_), path_);
  fs::remove(progress_of(path_));
}

}  // namespace vicinity
