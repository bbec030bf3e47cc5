#pragma once

#include "data/source/member_source.h"

namespace vicinity {

/// Class folders in tar files: the images, keys and order of the same folders unpacked, read where
/// they lie. Either ROOT/train/CLASS/any/FILE and ROOT/val/CLASS/any/FILE (training, valid,
/// validation, test too), ROOT/ of any depth or none, or CLASS/any/FILE below what all paths share.
class FolderArchive : public MemberSource {
 public:
  struct Splits {
    std::shared_ptr<FolderArchive> train, val;  // val: null if there is none
  };
  /// `val`: archives of the validation images alone; empty: those of `train` may hold both.
  /// DataError as TarReader's, for an image in no class folder, and for a class that training
  /// lacks.
  static Splits open(const std::vector<std::string>& train, const std::vector<std::string>& val,
                     const std::string& where);

  /// True if the first image in the archive has no label beside it and stands in a folder.
  static bool looks_like_one(const std::string& path);
};

}  // namespace vicinity
