// log, sin and cos for loops that the compiler turns into vector code: no branches, no table,
// no call.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace vicinity::kernels {

/// ln(x) for normal positive x, relative error below 2e-7 (absolute near 1). Cephes-style: mantissa
/// in [sqrt 1/2, sqrt 2) and a polynomial of degree 8.
inline float fast_log(float x) {
  const auto bits = std::bit_cast<int32_t>(x) - 0x3f3504f3;  // of sqrt(1/2)
  const auto exponent = static_cast<float>(bits >> 23);
  const float f = std::bit_cast<float>((bits & 0x7fffff) + 0x3f3504f3) - 1.0f;
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const float square = f * f;
  return (p * f * square - 0.5f * square - exponent * 2.12194440e-4f) + f + exponent * 0.693359375f;
}

struct SinCos {
  float sin, cos;
};
/// sin and cos of 2 pi t for t in [0, 1], absolute error below 1e-7.
inline SinCos sin_cos_of_turns(float t) {
  const float quarter = std::nearbyint(4.0f * t);
  const float a = (4.0f * t - quarter) * 1.57079633f, aa = a * a;  // |a| <= pi / 4
  float s = -1.9515295891e-4f;
  s = s * aa + 8.3321608736e-3f;
  s = s * aa - 1.6666654611e-1f;
  s = s * aa * a + a;
  float c = 2.443315711809948e-5f;
  c = c * aa - 1.388731625493765e-3f;
  c = c * aa + 4.166664568298827e-2f;
  c = c * aa * aa - 0.5f * aa + 1.0f;
  const auto turn = static_cast<int32_t>(quarter);
  const float sine = (turn & 1) != 0 ? c : s, cosine = (turn & 1) != 0 ? s : c;
  return {(turn & 2) != 0 ? -sine : sine, ((turn + 1) & 2) != 0 ? -cosine : cosine};
}

}  // namespace vicinity::kernels
