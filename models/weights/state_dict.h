// Where in a checkpoint the weights are.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "models/weights/pickle.h"

namespace vicinity {

/// Under which names training scripts keep the running average of the weights: timm's, ConvNeXt's.
inline constexpr const char* kAverages[] = {"state_dict_ema", "model_ema"};

struct StateDict {
  std::vector<std::pair<std::string, uint32_t>> tensors;  // name, and the value in the pickle
  std::map<std::string, std::string> metadata;            // plain values: epoch, arch
  std::vector<std::string> ignored;                       // other values: optimizer, args
};

/// The tensors of a checkpoint under the names of its model. Where the outermost dictionary has one
/// of state_dict, model_state_dict, model, teacher and student, in this order, and that is a
/// dictionary with tensors somewhere in it, it is taken in its place, and so on inwards; all else
/// beside it is metadata or ignored. In what is left, dictionaries in dictionaries join their names
/// with dots. With `use_ema` the averaged weights (kAverages) come before all of these. DataError
/// if there are no tensors, or no averaged ones where they are wanted, a name comes twice or is no
/// printable text, or dictionaries nest more than 32 deep.
StateDict find_state_dict(const Pickle& pickle, const std::string& path, bool use_ema = false);

}  // namespace vicinity
