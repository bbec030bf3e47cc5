#pragma once

#include "data/source/class_order.h"
#include "data/source/name_table.h"
#include "data/source/source.h"

namespace vicinity {

/// Which columns of a list hold the files and their classes; empty: the one whose name says so.
struct CsvColumns {
  std::string image, label;
};

/// A list of image files and their classes, `file,label` with a header (CsvReader). Paths are
/// relative to the folder of the list, or absolute. A file that stands there several times is
/// several samples of one class; a pack stores it once.
class CsvSource : public Source {
 public:
  /// `classes`: those of the training list; empty: the labels of this one (ClassOrder). DataError
  /// for columns that are not there or not plain, a row without a file or a label, a file with two
  /// classes, a class that training lacks.
  CsvSource(const std::string& path, const CsvColumns& columns,
            const std::vector<std::string>& classes = {});

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  int32_t label(int64_t index) const override { return labels_[static_cast<size_t>(index)]; }
  std::string name(int64_t index) const override;
  std::string key(int64_t index) const override {
    return std::string(paths_[static_cast<size_t>(index)]);
  }
  Stored stored(int64_t index) const override;
  Layout layout(int64_t index) const override;
  int64_t storage(int64_t index) const override { return first_[static_cast<size_t>(index)]; }
  bool looks_whole(int64_t index) const override;

 private:
  void find_repeats(const std::string& path);

  std::string folder_;
  NameTable paths_;
  std::vector<int32_t> labels_;
  std::vector<int64_t> first_;  // the first sample of the same file
};

}  // namespace vicinity
