// What a pickle of PyTorch says about a tensor and about the storage that holds its elements.
#pragma once

#include <string>
#include <vector>

#include "core/tensor/shape.h"
#include "models/weights/pickle.h"

namespace vicinity {

/// torch's persistent id: ('storage', class, key, device, elements), and in files before 1.6 a part
/// of it (key, first element, elements) or None.
struct TorchStorage {
  std::string key;
  std::string dtype;       // "": bytes of any type
  uint64_t items = 0;      // in units of its type
  uint64_t first = 0;      // of the part
  uint64_t available = 0;  // elements of the part
};

struct TorchTensor {
  TorchStorage storage;
  std::string dtype;
  Shape shape;
  std::vector<int64_t> strides;
  uint64_t first = 0;  // its first element within the storage
};

/// DataError if the value is not such an id.
TorchStorage torch_storage(const Pickle& pickle, uint32_t persistent, const std::string& path);
/// The tensor that a value with makes_tensor() describes, through parameters and subclasses. Every
/// element lies in the part of the storage that it names; DataError says which tensor does not, or
/// has negative strides or more than six axes.
TorchTensor torch_tensor(const Pickle& pickle, uint32_t value, const std::string& name,
                         const std::string& path);

}  // namespace vicinity
