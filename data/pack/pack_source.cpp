#include "data/pack/pack_source.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/pack/hdf5_file.h"

namespace vicinity {
namespace {

constexpr int kNewest = 2;

template <class T>
std::vector<T> column(const Hdf5File& file, const std::string& name, hid_t type) {
  std::vector<T> values(file.count(name));
  if (!values.empty()) file.read(name, type, values.data());
  return values;
}

}  // namespace

PackSource::PackSource(const std::string& path, const std::string& split) : split_(split) {
  const Hdf5File file = Hdf5File::open(path);
  VIC_CHECK(DataError, file.has("vicinity_pack"), "'", path,
            "' is an HDF5 file, but not a pack; make one with vicinity data pack");
  file_ = std::make_unique<InputFile>(path);
  read_head(file);
  labels_ = column<int32_t>(file, split + "/labels", H5T_NATIVE_INT32);
  checksums_ = column<uint32_t>(file, split + "/crc32", H5T_NATIVE_UINT32);
  if (file.has(split + "/shapes"))
    shapes_ = column<int32_t>(file, split + "/shapes", H5T_NATIVE_INT32);
  read_places(file);
  check_tables(file);
  blob_at_ = file.offset(split + "/images");
}

void PackSource::read_head(const Hdf5File& file) {
  try {
    const auto head = nlohmann::json::parse(file.read_text("vicinity_pack"));
    const int version = head.at("version").get<int>();
    VIC_CHECK(DataError, version <= kNewest, "'", file_->path(), "' is a pack of version ", version,
              ", this program reads up to ", kNewest, "; use a newer one, or make the pack anew");
    packed_names_ = head.at("classes").get<std::vector<std::string>>();
    if (head.contains("fingerprints"))
      fingerprint_ = head.at("fingerprints").at(split_).get<std::string>();
  } catch (const nlohmann::json::exception& error) {
    VIC_FAIL(DataError, "'", file_->path(), "' is damaged: ", error.what());
  }
  class_names_ = packed_names_;
}

void PackSource::read_places(const Hdf5File& file) {
  offsets_ = column<int64_t>(file, split_ + "/offsets", H5T_NATIVE_INT64);
  if (file.has(split_ + "/sizes")) {
    sizes_ = column<uint32_t>(file, split_ + "/sizes", H5T_NATIVE_UINT32);
    keys_at_ = file.offset(split_ + "/keys");
    key_bytes_ = file.count(split_ + "/keys");
    key_ends_at_ = file.offset(split_ + "/key_ends");
    return;
  }
  for (size_t i = 0; i + 1 < offsets_.size(); ++i)
    sizes_.push_back(static_cast<uint32_t>(offsets_[i + 1] - offsets_[i]));
  if (!offsets_.empty()) offsets_.pop_back();
  for (const std::string& key : split(file.read_text(split_ + "/keys"), '\0')) old_keys_.add(key);
}

void PackSource::check_tables(const Hdf5File& file) const {
  const size_t n = labels_.size();
  const auto blob = static_cast<int64_t>(file.count(split_ + "/images"));
  bool sound =
      offsets_.size() == n && sizes_.size() == n && checksums_.size() == n &&
      (shapes_.empty() || shapes_.size() == 3 * n) &&
      (old_keys_.size() == n || (key_ends_at_ > 0 && file.count(split_ + "/key_ends") == n));
  for (size_t i = 0; sound && i < n; ++i)
    sound = offsets_[i] >= 0 && offsets_[i] <= blob && sizes_[i] <= blob - offsets_[i];
  VIC_CHECK(DataError, sound, "'", file_->path(), "' is damaged: its tables of '", split_,
            "' do not fit each other");
  const auto classes = static_cast<int32_t>(class_names_.size());
  for (const int32_t label : labels_) {
    VIC_CHECK(DataError, label >= 0 && label < classes, "'", file_->path(), "' is damaged: label ",
              label, " of ", classes, " classes");
  }
}

std::string PackSource::key(int64_t index) const {
  const auto i = static_cast<uint64_t>(index);
  if (old_keys_.size() > 0) return std::string(old_keys_[i]);
  std::array<int64_t, 2> ends{};
  const uint64_t first = i > 0 ? i - 1 : 0;
  file_->read(key_ends_at_ + first * sizeof(int64_t), ends.data() + (i > 0 ? 0 : 1),
              (i > 0 ? 2 : 1) * sizeof(int64_t));
  const bool sound =
      ends[0] >= 0 && ends[0] <= ends[1] && ends[1] <= static_cast<int64_t>(key_bytes_);
  VIC_CHECK(DataError, sound, "'", file_->path(), "' is damaged: key ", index, " of '", split_,
            "' from ", ends[0], " to ", ends[1]);
  return file_->text(keys_at_ + static_cast<uint64_t>(ends[0]),
                     static_cast<size_t>(ends[1] - ends[0]));
}

Source::Layout PackSource::layout(int64_t index) const {
  const auto i = static_cast<size_t>(index);
  if (shapes_.empty()) return {sizes_[i], 0, 0, 0};
  return {sizes_[i], shapes_[3 * i], shapes_[3 * i + 1], shapes_[3 * i + 2]};
}

Source::Stored PackSource::stored(int64_t index) const {
  const auto i = static_cast<size_t>(index);
  const Layout shape = layout(index);
  Stored result{file_->text(blob_at_ + static_cast<uint64_t>(offsets_[i]), sizes_[i]), shape.width,
                shape.height, shape.channels};
  const auto* bytes = reinterpret_cast<const Bytef*>(result.bytes.data());
  const auto sum = static_cast<uint32_t>(crc32_z(0, bytes, result.bytes.size()));
  VIC_CHECK(DataError, sum == checksums_[i], name(index), " is damaged: checksum ", sum,
            ", expected ", checksums_[i], "; make the pack anew");
  return result;
}

std::string PackSource::fingerprint() const {
  const bool known = !fingerprint_.empty() && class_names_ == packed_names_;
  return known ? fingerprint_ : Source::fingerprint();
}

}  // namespace vicinity
