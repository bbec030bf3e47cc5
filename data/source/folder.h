#pragma once

#include <map>

#include "data/source/name_table.h"
#include "data/source/source.h"

namespace vicinity {

/// ROOT/CLASS/any/depth/FILE with FILE one of .jpg .jpeg .png .webp; classes and files sorted by
/// name, hidden ones left out. Files of other endings are ignored, which the log says.
class FolderSource : public Source {
 public:
  /// `classes`: label order to keep (that of the training set); empty: the folders, sorted.
  /// DataError names a class folder that is not among them, or one that cannot be read.
  explicit FolderSource(const std::string& root, const std::vector<std::string>& classes = {});

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  int32_t label(int64_t index) const override { return labels_[static_cast<size_t>(index)]; }
  std::string name(int64_t index) const override { return root_ + "/" + key(index); }
  std::string key(int64_t index) const override {
    return std::string(paths_[static_cast<size_t>(index)]);
  }
  Stored stored(int64_t index) const override;
  Layout layout(int64_t index) const override;
  bool looks_whole(int64_t index) const override;

 private:
  std::string root_;
  NameTable paths_;  // below the root
  std::vector<int32_t> labels_;
};

/// What lies below a folder: image files, by their names, and how many others by their endings.
struct FoundImages {
  std::vector<std::string> images;
  std::map<std::string, int64_t> ignored;
};
/// Links are followed, hidden files and folders left out; images are added sorted. DataError for a
/// folder that cannot be read and a link to one above it.
void find_images(const std::string& folder, FoundImages& found);
/// "ignored 2 files WHERE: .bmp, .heic", if there are any.
void log_ignored(const std::string& where, const std::map<std::string, int64_t>& ignored);

/// Bytes of a file; DataError if it cannot be read.
uint64_t bytes_of_file(const std::string& path);
/// True for names that end as image files do: .jpg, .jpeg, .png, .webp in any case.
bool is_image_name(const std::string& path);
/// Folders of training and of validation images, the first that is there, in small letters: Train
/// is train.
const std::vector<std::string>& training_folder_names();
const std::vector<std::string>& validation_folder_names();
/// Names of the folders in `root`, sorted, hidden ones left out.
std::vector<std::string> subfolders(const std::string& root);

}  // namespace vicinity
