// A tensor as it lies in a file: elements of a type that the file names, perhaps strided.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/tensor/tensor.h"

namespace vicinity {

/// Bytes of one element of the type that safetensors calls `dtype` (F64, F32, F16, BF16, F8_E4M3,
/// F8_E5M2, I64 to I8, U64 to U8, BOOL, C64; and C128); 0 for an unknown name.
uint64_t item_size(const std::string& dtype);

/// Elements of a file: element [i, j, ...] begins at item i * strides[0] + j * strides[1] + ... of
/// `items`, whose bounds the caller has checked.
struct StoredTensor {
  std::string dtype;
  Shape shape;
  std::vector<int64_t> strides;  // one for each axis
  const char* items = nullptr;   // at any address: files align nothing

  /// True if the elements lie end to end in row-major order.
  bool contiguous() const;
};

/// Strides of row-major order.
std::vector<int64_t> contiguous_strides(const Shape& shape);

/// A copy on the CPU. F16 becomes f32; F64, F32, BF16, I64, I32 and U8 stay; DataError for other
/// types, naming `name`. One pass over the elements, nothing besides the result is allocated.
Tensor copy_of(const StoredTensor& stored, const std::string& name);

}  // namespace vicinity
