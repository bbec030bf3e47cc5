// The names that checkpoints of PyTorch may use.
#pragma once

#include <string>
#include <string_view>

#include "models/weights/pickle.h"

namespace vicinity {

/// Every class and function that a checkpoint may name: what rebuilds tensors, their types, and
/// what stands beside them in published checkpoints as plain data (dictionaries, sets, numbers and
/// arrays of numpy, paths, the arguments of a command line). None of them is ever called.
const AllowedGlobals& torch_globals();
/// "F32" for torch.FloatStorage and torch.float32, and so on; "" for what names no type of element.
std::string dtype_named(std::string_view global);
/// Whether what the global makes is a tensor.
bool makes_tensor(std::string_view global);

}  // namespace vicinity
