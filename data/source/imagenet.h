#pragma once

#include "data/source/member_source.h"

namespace vicinity {

/// ImageNet's archives as they are published, without unpacking: images are read where they lie.
/// Classes, keys (CLASS/FILE) and order are those of the unpacked folders.
class ImageNetSource : public MemberSource {
 public:
  /// The training archive: a tar of one CLASS.tar per class, which hold the images. DataError as
  /// TarReader's, and for members that are no archives.
  static std::shared_ptr<ImageNetSource> train(const std::string& path);
  /// The validation archive: images, whose classes stand in `labels` (ValLabels). `classes`: those
  /// of the training archive.
  static std::shared_ptr<ImageNetSource> val(const std::string& path, const std::string& labels,
                                             const std::vector<std::string>& classes);

  static constexpr const char* kTrain = "ILSVRC2012_img_train.tar";
  static constexpr const char* kVal = "ILSVRC2012_img_val.tar";
};

/// Lines "ID WORDS" or "ID<tab>WORDS" (LOC_synset_mapping.txt, synset_words.txt, words.txt): what
/// each of `ids` is called. DataError for an id that the file has not.
std::vector<std::string> class_words(const std::string& path, const std::vector<std::string>& ids);

}  // namespace vicinity
