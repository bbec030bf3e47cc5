// From data.* settings to a training and a validation source.
#pragma once

#include <memory>
#include <string>

#include "core/config/fields.h"
#include "data/source/check_files.h"
#include "data/source/source.h"

namespace vicinity {

struct DataConfig {
  std::string root;
  std::string train;
  std::string val;
  std::string source = "auto";
  std::string image_column;
  std::string label_column;
  std::string val_labels;
  std::string class_words;
  double val_split = 0.15;
  std::string on_error = "fail";
  std::string exif = "ignore";

  template <class V>
  void fields(V& v) {
    v("root", root,
      "the images: class folders, train/ and val/, IDX files, tar shards, ImageNet's archives, or "
      "FILE.h5, FILE.csv, FILE.tar");
    v("train", train,
      "folder, list or shards of the training images, with data.val instead of "
      "data.root");
    v("val", val, "folder, list or shards of the validation images");
    v("source", source, "what data.root is; auto: what it looks like",
      one_of({"auto", "folder", "idx", "hdf5", "csv", "tar", "imagenet"}));
    v("image_column", image_column,
      "csv: the column of the files; empty: the one called file, path, image or alike");
    v("label_column", label_column,
      "csv: the column of the classes; empty: the one called label, class or alike");
    v("val_labels", val_labels,
      "imagenet: the classes of the validation images; empty: a list of a usual name beside the "
      "archive");
    v("class_words", class_words,
      "lines `ID WORDS` (LOC_synset_mapping.txt): classes are called by their words");
    v("val_split", val_split,
      "share of a data set without validation images that is kept for it, per class, seeded",
      greater_than(0), between(0, 0.9));
    v("on_error", on_error,
      "an image that does not decode: fail, or skip it (every file is then decoded at the start)",
      one_of({"fail", "skip"}));
    v("exif", exif,
      "EXIF orientation of pictures: ignore it, as Hugging Face and torchvision do, or apply it",
      one_of({"ignore", "apply"}));
  }
};

struct DataSets {
  std::shared_ptr<Source> train, val;
};

/// Opens and checks: DataError (exit code 3) for a missing folder, no images, one class only, a
/// validation class that training lacks, files that cannot be used (all counted, the first ten
/// named). `check`: how closely image files are looked at; with on_error = skip every
/// one is decoded, and those that do not decode are left out.
DataSets open_data(const DataConfig& config, uint64_t seed, FileCheck check = FileCheck::ends);

}  // namespace vicinity
