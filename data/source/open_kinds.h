// From a path to a source, by kind.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/source/open.h"

namespace vicinity {

/// A data set as it is found, before anything is checked or split.
struct FoundData {
  std::shared_ptr<Source> train, val;  // val: null where a share of the training images is kept
  std::string train_at, val_at;        // where they are, for messages
  bool files = true;  // encoded images that may be damaged; else numbers or checked already
};

/// What data.root, or data.train, is: data.source, or what it looks like.
std::string kind_of_data(const DataConfig& config);

/// data.train and data.val, or data.root. DataError where what is there is not of the kind that
/// data.source says, or of none.
FoundData find_data(const DataConfig& config);

}  // namespace vicinity
