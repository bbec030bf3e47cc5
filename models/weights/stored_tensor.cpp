#include "models/weights/stored_tensor.h"

#include <bit>
#include <cstring>
#include <map>

namespace vicinity {
namespace {

const std::map<std::string, uint64_t>& item_sizes() {
  static const std::map<std::string, uint64_t> sizes = {
      {"F64", 8}, {"F32", 4}, {"F16", 2},  {"BF16", 2}, {"F8_E4M3", 1}, {"F8_E5M2", 1},
      {"I64", 8}, {"I32", 4}, {"I16", 2},  {"I8", 1},   {"U64", 8},     {"U32", 4},
      {"U16", 2}, {"U8", 1},  {"BOOL", 1}, {"C64", 8},  {"C128", 16}};
  return sizes;
}

float from_half(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16, exponent = (h >> 10) & 31u,
                 mantissa = h & 1023u;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float tiny = static_cast<float>(mantissa) * 0x1p-24f;
  return sign != 0 ? -tiny : tiny;
}

void halves_to_floats(const char* halves, int64_t count, char* to) {
  for (int64_t i = 0; i < count; ++i) {
    uint16_t half = 0;
    std::memcpy(&half, halves + 2 * i, 2);
    const float value = from_half(half);
    std::memcpy(to + 4 * i, &value, 4);
  }
}

// Walks the axes in row-major order and hands over runs of elements that lie end to end, in the
// file as in the result: `take(items, how many)`.
template <class Take>
void for_each_run(const StoredTensor& t, int axis, const char* items, Take& take) {
  const auto item = static_cast<int64_t>(item_size(t.dtype));
  if (axis == t.shape.rank()) return take(items, int64_t{1});
  const int64_t stride = t.strides[static_cast<size_t>(axis)], length = t.shape[axis];
  if (axis == t.shape.rank() - 1 && stride == 1) return take(items, length);
  for (int64_t i = 0; i < length; ++i) for_each_run(t, axis + 1, items + i * stride * item, take);
}

}  // namespace

uint64_t item_size(const std::string& dtype) {
  const auto found = item_sizes().find(dtype);
  return found == item_sizes().end() ? 0 : found->second;
}

std::vector<int64_t> contiguous_strides(const Shape& shape) {
  std::vector<int64_t> strides(static_cast<size_t>(shape.rank()), 1);
  if (shape.size() == 0) return strides;  // its other axes may be of any length
  for (int axis = shape.rank() - 2; axis >= 0; --axis) {
    const auto i = static_cast<size_t>(axis);
    strides[i] = strides[i + 1] * shape[axis + 1];
  }
  return strides;
}

bool StoredTensor::contiguous() const {
  const std::vector<int64_t> expected = contiguous_strides(shape);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    if (shape[axis] != 1 && strides[i] != expected[i]) return false;
  }
  return true;
}

Tensor copy_of(const StoredTensor& stored, const std::string& name) {
  static const std::map<std::string, DType> types = {
      {"F64", DType::f64}, {"F32", DType::f32}, {"F16", DType::f32}, {"BF16", DType::bf16},
      {"I64", DType::i64}, {"I32", DType::i32}, {"U8", DType::u8}};
  const auto type = types.find(stored.dtype);
  VIC_CHECK(DataError, type != types.end(), "tensor '", name, "' has type ", stored.dtype,
            ", which is not read; there are F64, F32, F16, BF16, I64, I32 and U8");
  Tensor tensor(stored.shape, type->second, kCpu);
  if (tensor.size() == 0) return tensor;
  const bool half = stored.dtype == "F16";
  const auto item = static_cast<int64_t>(size_of(type->second));
  char* to = tensor.raw();
  auto take = [&](const char* items, int64_t count) {
    if (half) {
      halves_to_floats(items, count, to);
    } else {
      std::memcpy(to, items, static_cast<size_t>(count * item));
    }
    to += count * item;
  };
  if (stored.contiguous()) {
    take(stored.items, tensor.size());
  } else {
    for_each_run(stored, 0, stored.items, take);
  }
  return tensor;
}

}  // namespace vicinity
