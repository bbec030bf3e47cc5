#pragma once

#include "data/source/source.h"

namespace vicinity {

/// The IDX files of MNIST and its successors, plain or gzipped: PREFIX-images-idx3-ubyte[.gz] and
/// PREFIX-labels-idx1-ubyte[.gz]. All pixels are held in memory (47 MB for 60,000 images of 28 x
/// 28).
class IdxSource : public Source {
 public:
  /// prefix: train or t10k. Class names: lines of classes.txt in the folder, else Fashion-MNIST's
  /// where the folder's name speaks of it, else "0", "1", ... DataError for a wrong magic number, a
  /// truncated file, counts that differ.
  /// `classes`: those of the training set, for the test set: a label beyond them is a DataError.
  IdxSource(const std::string& folder, const std::string& prefix,
            const std::vector<std::string>& classes = {});

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  int32_t label(int64_t index) const override { return labels_[static_cast<size_t>(index)]; }
  std::string name(int64_t index) const override { return prefix_ + " #" + std::to_string(index); }
  std::string key(int64_t index) const override { return "#" + std::to_string(index); }
  Stored stored(int64_t index) const override;
  Layout layout(int64_t) const override {
    return {static_cast<uint64_t>(width_) * static_cast<uint64_t>(height_), width_, height_, 1};
  }
  bool looks_whole(int64_t) const override { return true; }

 private:
  std::string prefix_;
  int width_ = 0, height_ = 0;
  std::string pixels_;
  std::vector<uint8_t> labels_;
};

/// True if the folder holds IDX files.
bool has_idx_files(const std::string& folder);

}  // namespace vicinity
