// From data.* settings to a training and a validation source.
#pragma once

#include <memory>
#include <string>

#include "core/config/fields.h"
#include "data/source/folder.h"
#include "data/source/source.h"

namespace vicinity {

struct DataConfig {
  std::string root;
  std::string train;
  std::string val;
  std::string source = "auto";
  double val_split = 0.15;
  std::string on_error = "fail";
  std::string exif = "ignore";

  template <class V>
  void fields(V& v) {
    v("root", root,
      "folder or pack of the images: class folders, train/ and val/, IDX files, or FILE.h5");
    v("train", train, "folder of the training classes, with data.val instead of data.root");
    v("val", val, "folder of the validation classes");
    v("source", source, "what data.root is", one_of({"auto", "folder", "idx", "hdf5"}));
    v("val_split", val_split,
      "share of a folder without val/ that is kept for validation, per class, seeded",
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
/// named). `check`: how closely image files in folders are looked at; with on_error = skip every
/// one is decoded, and those that do not decode are left out.
DataSets open_data(const DataConfig& config, uint64_t seed, FileCheck check = FileCheck::ends);

}  // namespace vicinity
