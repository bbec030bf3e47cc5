// Functions of vectors: no branches, no tables. Those of f64, which serves tests, go lane by lane.
#include "core/cpu/simd.h"

#if defined(VICINITY_CORE_CPU_SIMD_MATH_H) == defined(HWY_TARGET_TOGGLE)
#ifdef VICINITY_CORE_CPU_SIMD_MATH_H
#undef VICINITY_CORE_CPU_SIMD_MATH_H
#else
#define VICINITY_CORE_CPU_SIMD_MATH_H
#endif

#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

/// c[0] + c[1] x + c[2] x^2 ...
template <size_t kCount>
HWY_INLINE Lanes<float> polynomial(Lanes<float> x, const float (&c)[kCount]) {
  Lanes<float> p = c[kCount - 1];
  for (size_t i = kCount - 1; i-- > 0;) p = fma(p, x, Lanes<float>(c[i]));
  return p;
}

/// exp(x), relative error below 1.2e-7 between -87 and 88, 0 and infinity beyond; NaN stays NaN.
/// Cephes-style range reduction to |r| <= ln 2 / 2 and a polynomial of degree 6.
/// Adding 1.5 * 2^23 + 127 rounds to a whole number n and leaves n + 127 in the lowest bits.
HWY_INLINE Lanes<float> exp(Lanes<float> x) {
  constexpr float kRound = 12583039.0f;
  const Lanes<float>::Tag d;
  const Lanes<float> held = min(Lanes<float>(89.0f), max(Lanes<float>(-88.0f), x));
  const Lanes<float> rounded = fma(held, 1.44269504f, kRound), n = rounded - kRound;
  const Lanes<float> r = fma(n, -1.42860677e-6f, fma(n, -0.693145752f, held));
  const Lanes<float> p =
      polynomial(r, {1.0f, 1.0f, 5.0000001201e-1f, 1.6666665459e-1f, 4.1665795894e-2f,
                     8.3334519073e-3f, 1.3981999507e-3f, 1.9875691500e-4f});
  return p * Lanes<float>(hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(Words(), rounded.v))));
}
/// 2^x for x from -126 to 0, 0 below; NaN stays NaN. Relative error below 2.2e-7: |r| <= 1/2, and
/// the polynomial of degree 5 of least relative error there.
HWY_INLINE Lanes<float> exp2(Lanes<float> x) {
  constexpr float kRound = 12583039.0f;  // as in exp
  const Lanes<float>::Tag d;
  const Lanes<float> held = max(Lanes<float>(-127.0f), x), rounded = held + kRound;
  const Lanes<float> p = polynomial(
      held - (rounded - kRound),
      {1.00000012f, 0.693146944f, 0.240221202f, 0.0555071309f, 0.00967554096f, 0.00132764725f});
  return p * Lanes<float>(hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(Words(), rounded.v))));
}
/// Standard normal distribution function Phi(x) = (1 + erf(x / sqrt 2)) / 2, given exp(-x^2 / 2).
/// Abramowitz & Stegun 1964, 7.1.26: |error| < 1.5e-7.
HWY_INLINE Lanes<float> normal_cdf(Lanes<float> x, Lanes<float> exp_half_square) {
  const Lanes<float> t = 1.0f / fma(abs(x), 0.3275911f * 0.70710678f, 1.0f);
  const Lanes<float> p =
      polynomial(t, {0.254829592f, -0.284496736f, 1.421413741f, -1.453152027f, 1.061405429f});
  const Lanes<float> tail = p * t * exp_half_square * 0.5f;  // 1 - Phi(|x|)
  return where_positive(x, 1.0f - tail, tail);
}

template <class Function>
HWY_INLINE Lanes<double> lane_by_lane(Lanes<double> x, Function&& f) {
  double values[Lanes<double>::kCount];
  store(x, values, Whole{});
  for (double& value : values) value = f(value);
  return load(values, Whole{});
}
HWY_INLINE Lanes<double> exp(Lanes<double> x) {
  return lane_by_lane(x, [](double value) { return std::exp(value); });
}
HWY_INLINE Lanes<double> exp2(Lanes<double> x) {
  return lane_by_lane(x, [](double value) { return std::exp2(value); });
}
HWY_INLINE Lanes<double> normal_cdf(Lanes<double> x, Lanes<double>) {
  return lane_by_lane(
      x, [](double value) { return 0.5 * std::erfc(-value * 0.70710678118654752440); });
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
