// Element types.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <ostream>

#include "core/base/error.h"

namespace vicinity {

enum class DType : uint8_t { f32, bf16, f64, u8, i32, i64 };

/// bfloat16: the upper half of a float. Storage only; arithmetic happens in float.
struct bf16 {
  uint16_t bits;

  bf16() = default;
  /// Rounds to nearest even; NaN stays NaN.
  explicit bf16(float value) {
    const auto u = std::bit_cast<uint32_t>(value);
    const bool nan = (u & 0x7fffffffu) > 0x7f800000u;
    bits = static_cast<uint16_t>(nan ? (u >> 16) | 0x40u : (u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }
};

size_t size_of(DType dtype);
/// "f32", "bf16", "f64", "u8", "i32", "i64".
const char* name_of(DType dtype);
bool is_float(DType dtype);
inline std::ostream& operator<<(std::ostream& out, DType dtype) { return out << name_of(dtype); }

/// Type of statistics, weight gradients and accumulators for activations of this type: f64 for f64,
/// else f32.
inline DType accumulator_of(DType dtype) { return dtype == DType::f64 ? DType::f64 : DType::f32; }

template <class T>
inline constexpr DType dtype_of = DType::f32;
template <>
inline constexpr DType dtype_of<bf16> = DType::bf16;
template <>
inline constexpr DType dtype_of<double> = DType::f64;
template <>
inline constexpr DType dtype_of<uint8_t> = DType::u8;
template <>
inline constexpr DType dtype_of<int32_t> = DType::i32;
template <>
inline constexpr DType dtype_of<int64_t> = DType::i64;

/// The type that a kernel computes in: float for f32 and bf16, double for f64.
template <class T>
struct ComputeOf {
  using type = float;
};
template <>
struct ComputeOf<double> {
  using type = double;
};
template <class T>
using Compute = typename ComputeOf<T>::type;

/// Calls f.template operator()<T>() with the C++ type of a float dtype; DTypeError for integers.
template <class F>
decltype(auto) for_float_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f.template operator()<float>();
    case DType::bf16:
      return f.template operator()<bf16>();
    case DType::f64:
      return f.template operator()<double>();
    default:
      VIC_FAIL(DTypeError, "needs a float type, got ", dtype);
  }
}

}  // namespace vicinity
