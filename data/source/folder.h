#pragma once

#include "data/source/source.h"

namespace vicinity {

enum class FileCheck { ends, decode };

/// ROOT/CLASS/any/depth/FILE with FILE one of .jpg .jpeg .png .webp; classes and files sorted by
/// name, hidden ones left out. Files of other endings are ignored, which the log says.
class FolderSource : public Source {
 public:
  /// `classes`: label order to keep (that of the training set); empty: the folders, sorted.
  /// DataError names a class folder that is not among them, or one that cannot be read.
  explicit FolderSource(const std::string& root, const std::vector<std::string>& classes = {});

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  int32_t label(int64_t index) const override { return files_[static_cast<size_t>(index)].label; }
  std::string name(int64_t index) const override { return root_ + "/" + key(index); }
  std::string key(int64_t index) const override { return files_[static_cast<size_t>(index)].path; }
  Stored stored(int64_t index) const override;

  /// Files that cannot be used, with the reason, found by many threads. `ends`: files whose two
  /// ends look whole are taken as good (looks_whole), the others are decoded: damage in the middle
  /// is met when the image is loaded. `decode`: every file is decoded, about 4,000 small JPEGs a
  /// second a core.
  struct Bad {
    int64_t index;
    std::string reason;
  };
  std::vector<Bad> find_bad_files(FileCheck check) const;

 private:
  struct File {
    std::string path;  // below the root
    int32_t label;
  };
  std::string root_;
  std::vector<File> files_;
};

/// True for names that end as image files do: .jpg, .jpeg, .png, .webp in any case.
bool is_image_name(const std::string& path);
/// Names of the folders in `root`, sorted, hidden ones left out.
std::vector<std::string> subfolders(const std::string& root);

}  // namespace vicinity
