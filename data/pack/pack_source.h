#pragma once

#include "data/source/source.h"

namespace vicinity {

/// One split of a pack (data/pack/writer.h). HDF5 reads the small tables; images come by pread at
/// the raw offset of the blob, without HDF5's global lock.
class PackSource : public Source {
 public:
  /// split: train or val. DataError for a file that is not a pack, or was not finished.
  PackSource(const std::string& path, const std::string& split);
  ~PackSource() override;

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  int32_t label(int64_t index) const override { return labels_[static_cast<size_t>(index)]; }
  std::string name(int64_t index) const override {
    return path_ + " " + split_ + " #" + std::to_string(index) + " (" + key(index) + ")";
  }
  std::string key(int64_t index) const override { return keys_[static_cast<size_t>(index)]; }
  /// DataError if the bytes do not have the checksum that was stored with them.
  Stored stored(int64_t index) const override;

 private:
  std::string path_, split_;
  int file_ = -1;
  uint64_t blob_at_ = 0;
  std::vector<int64_t> offsets_;  // [size + 1], in the blob
  std::vector<int32_t> labels_;
  std::vector<int32_t> shapes_;  // [size, 3]: width, height, channels; 0: encoded
  std::vector<uint32_t> checksums_;
  std::vector<std::string> keys_;
};

}  // namespace vicinity
