// Where labelled images come from.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/image/image.h"

namespace vicinity {

/// A list of labelled images. Reading is safe from many threads.
class Source {
 public:
  virtual ~Source() = default;

  virtual int64_t size() const = 0;
  virtual int32_t label(int64_t index) const = 0;
  /// How messages call the image: its path, or "train #17".
  virtual std::string name(int64_t index) const = 0;
  /// The name below the root of the data, "class_1/17.jpg" or "#17": it stays when data are moved
  /// or packed.
  virtual std::string key(int64_t index) const = 0;
  /// The bytes that a pack stores for the image: the encoded file where there is one, else raw RGB.
  struct Stored {
    std::string bytes;
    int width = 0, height = 0;  // of raw pixels; 0: encoded
    int channels = 0;           // of raw pixels: 1 or 3
  };
  virtual Stored stored(int64_t index) const = 0;

  /// DataError names the image.
  Image load(int64_t index) const;
  /// The part that `choose` asks for (decode_part).
  void load_part(int64_t index, const ChooseBox& choose, Part& part) const;
  /// From now on images are turned as their EXIF orientation says.
  void turn_upright() { upright_ = true; }

  /// In label order.
  const std::vector<std::string>& class_names() const { return class_names_; }
  /// A hash of class names, count, labels and keys: tells whether two runs see the same data.
  std::string fingerprint() const;

 protected:
  std::vector<std::string> class_names_;

 private:
  bool upright_ = false;
};

/// Some images of another source, by index.
class Subset : public Source {
 public:
  Subset(std::shared_ptr<Source> base, std::vector<int64_t> indices);

  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  int32_t label(int64_t i) const override { return base_->label(indices_[static_cast<size_t>(i)]); }
  std::string name(int64_t i) const override {
    return base_->name(indices_[static_cast<size_t>(i)]);
  }
  std::string key(int64_t i) const override { return base_->key(indices_[static_cast<size_t>(i)]); }
  Stored stored(int64_t i) const override {
    return base_->stored(indices_[static_cast<size_t>(i)]);
  }

 private:
  std::shared_ptr<Source> base_;
  std::vector<int64_t> indices_;
};

}  // namespace vicinity
