#include "data/pack/pack_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/pack/hdf5_file.h"

namespace vicinity {
namespace {

template <class T>
std::vector<T> column(const Hdf5File& file, const std::string& name, hid_t type) {
  std::vector<T> values(file.count(name));
  if (!values.empty()) file.read(name, type, values.data());
  return values;
}

}  // namespace

PackSource::PackSource(const std::string& path, const std::string& split)
    : path_(path), split_(split) {
  const Hdf5File file = Hdf5File::open(path);
  VIC_CHECK(DataError, file.has("vicinity_pack"), "'", path,
            "' is an HDF5 file, but not a pack; make one with vicinity data pack");
  try {
    class_names_ = nlohmann::json::parse(file.read_text("vicinity_pack"))
                       .at("classes")
                       .get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception& error) {
    VIC_FAIL(DataError, "'", path, "' is damaged: ", error.what());
  }
  offsets_ = column<int64_t>(file, split + "/offsets", H5T_NATIVE_INT64);
  labels_ = column<int32_t>(file, split + "/labels", H5T_NATIVE_INT32);
  shapes_ = column<int32_t>(file, split + "/shapes", H5T_NATIVE_INT32);
  checksums_ = column<uint32_t>(file, split + "/crc32", H5T_NATIVE_UINT32);
  keys_ = vicinity::split(file.read_text(split + "/keys"), '\0');
  const size_t n = labels_.size();
  const auto blob = static_cast<int64_t>(file.count(split + "/images"));
  const bool sound = offsets_.size() == n + 1 && shapes_.size() == 3 * n &&
                     checksums_.size() == n && keys_.size() == n && offsets_[0] == 0 &&
                     offsets_.back() == blob && std::is_sorted(offsets_.begin(), offsets_.end());
  VIC_CHECK(DataError, sound, "'", path, "' is damaged: its tables of '", split,
            "' do not fit each other");
  const auto classes = static_cast<int32_t>(class_names_.size());
  for (const int32_t label : labels_) {
    VIC_CHECK(DataError, label >= 0 && label < classes, "'", path, "' is damaged: label ", label,
              " of ", classes, " classes");
  }
  blob_at_ = file.offset(split + "/images");
  file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  VIC_CHECK(DataError, file_ >= 0, "cannot open '", path, "': ", std::strerror(errno));
}

PackSource::~PackSource() {
  if (file_ >= 0) close(file_);
}

Source::Stored PackSource::stored(int64_t index) const {
  const auto i = static_cast<size_t>(index);
  Stored result{std::string(static_cast<size_t>(offsets_[i + 1] - offsets_[i]), '\0'),
                shapes_[3 * i], shapes_[3 * i + 1], shapes_[3 * i + 2]};
  size_t done = 0;
  while (done < result.bytes.size()) {
    const uint64_t at = blob_at_ + static_cast<uint64_t>(offsets_[i]) + done;
    const ssize_t got = pread(file_, result.bytes.data() + done, result.bytes.size() - done,
                              static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    VIC_CHECK(DataError, got > 0, name(index), ": ",
              got < 0 ? std::strerror(errno) : "the file ends too early");
    done += static_cast<size_t>(got);
  }
  const auto* bytes = reinterpret_cast<const Bytef*>(result.bytes.data());
  const auto sum = static_cast<uint32_t>(crc32(0, bytes, static_cast<uInt>(result.bytes.size())));
  VIC_CHECK(DataError, sum == checksums_[i], name(index), " is damaged: checksum ", sum,
            ", expected ", checksums_[i], "; make the pack anew");
  return result;
}

}  // namespace vicinity
