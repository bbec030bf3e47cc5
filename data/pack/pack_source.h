#pragma once

#include <memory>
#include <vector>

#include "core/base/input_file.h"
#include "data/source/name_table.h"
#include "data/source/source.h"

namespace vicinity {

/// One split of a pack (data/pack/writer.h). HDF5 reads the small tables, 20 bytes an image; images
/// and keys come by pread at their raw offsets, without HDF5's global lock.
class PackSource : public Source {
 public:
  /// split: train or val. DataError for a file that is not a pack, or was not finished.
  PackSource(const std::string& path, const std::string& split);

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  int32_t label(int64_t index) const override { return labels_[static_cast<size_t>(index)]; }
  std::string name(int64_t index) const override {
    return file_->path() + " " + split_ + " #" + std::to_string(index) + " (" + key(index) + ")";
  }
  std::string key(int64_t index) const override;
  /// DataError if the bytes do not have the checksum that was stored with them.
  Stored stored(int64_t index) const override;
  Layout layout(int64_t index) const override;
  int64_t storage(int64_t index) const override { return offsets_[static_cast<size_t>(index)]; }
  bool looks_whole(int64_t) const override { return true; }  // seen to when it was packed
  std::string fingerprint() const override;

 private:
  void read_head(const class Hdf5File& file);
  void read_places(const Hdf5File& file);
  void check_tables(const Hdf5File& file) const;

  std::unique_ptr<InputFile> file_;
  std::string split_;
  uint64_t blob_at_ = 0;
  std::vector<int64_t> offsets_;  // in the blob
  std::vector<uint32_t> sizes_;
  std::vector<int32_t> labels_;
  std::vector<int32_t> shapes_;  // [size, 3]: width, height, channels; empty: all are encoded
  std::vector<uint32_t> checksums_;
  uint64_t keys_at_ = 0, key_ends_at_ = 0, key_bytes_ = 0;
  NameTable old_keys_;  // of version 1
  std::string fingerprint_;
  std::vector<std::string> packed_names_;
};

}  // namespace vicinity
