// Where in a checkpoint the weights are.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "models/weights/pickle.h"

namespace vicinity {

struct StateDict {
  std::vector<std::pair<std::string, uint32_t>> tensors;  // name, and the value in the pickle
  std::map<std::string, std::string> metadata;            // plain values: epoch, arch
  std::vector<std::string> ignored;                       // other values: optimizer, args
};

/// The tensors of a checkpoint under the names of its model. Where the outermost dictionary has one
/// of state_dict, model_state_dict, model, teacher and student, in this order, and that is a
/// dictionary with tensors somewhere in it, it is taken in its place, and so on inwards; all else
/// beside it is metadata or ignored. In what is left, dictionaries in dictionaries join their names
/// with dots. DataError if there are no tensors, a name comes twice or is no printable text, or
/// dictionaries nest more than 32 deep.
StateDict find_state_dict(const Pickle& pickle, const std::string& path);

}  // namespace vicinity
