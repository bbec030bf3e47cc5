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
  /// What `stored` will give, without reading it.
  struct Layout {
    uint64_t bytes = 0;
    int width = 0, height = 0, channels = 0;
  };
  virtual Layout layout(int64_t index) const = 0;
  /// Images with the same number share their bytes; in a pack these stand once.
  virtual int64_t storage(int64_t index) const { return index; }
  /// False if the two ends of an encoded image rouse suspicion (data/image/probe.h); reads a few
  /// kilobytes.
  virtual bool looks_whole(int64_t index) const = 0;

  /// DataError names the image.
  Image load(int64_t index) const;
  /// The part that `choose` asks for (decode_part).
  void load_part(int64_t index, const ChooseBox& choose, Part& part, int smallest = 0) const;
  /// The whole image of bytes that `stored` gave.
  Image decode(const Stored& stored, int64_t index) const;
  /// From now on images are turned as their EXIF orientation says.
  void turn_upright() { upright_ = true; }
  /// Errors tell from now on that data.on_error=skip leaves images out.
  void offer_skip() { can_skip_ = true; }
  bool can_skip() const { return can_skip_; }

  /// In label order.
  const std::vector<std::string>& class_names() const { return class_names_; }
  /// A hash of class names, count, labels and keys: tells whether two runs see the same data.
  virtual std::string fingerprint() const;
  /// Other names for the same classes, in the same order.
  void rename_classes(std::vector<std::string> names) { class_names_ = std::move(names); }

 protected:
  std::vector<std::string> class_names_;

 private:
  void decode_stored(const Stored& s, int64_t index, const ChooseBox& choose, int smallest,
                     Part& part) const;
  bool upright_ = false, can_skip_ = false;
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
  Layout layout(int64_t i) const override {
    return base_->layout(indices_[static_cast<size_t>(i)]);
  }
  int64_t storage(int64_t i) const override {
    return base_->storage(indices_[static_cast<size_t>(i)]);
  }
  bool looks_whole(int64_t i) const override {
    return base_->looks_whole(indices_[static_cast<size_t>(i)]);
  }

 private:
  std::shared_ptr<Source> base_;
  std::vector<int64_t> indices_;
};

}  // namespace vicinity
