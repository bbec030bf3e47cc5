// What queries that are worked on together share, and how much of it registers hold.
#include "core/cpu/simd.h"

#if defined(VICINITY_CORE_CPU_NEIGHBORHOOD_SHARING_H) == defined(HWY_TARGET_TOGGLE)
#ifdef VICINITY_CORE_CPU_NEIGHBORHOOD_SHARING_H
#undef VICINITY_CORE_CPU_NEIGHBORHOOD_SHARING_H
#else
#define VICINITY_CORE_CPU_NEIGHBORHOOD_SHARING_H
#endif

#include "core/cpu/neighborhood_queries.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

/// How many queries make a group, and the registers for what they share and for their sums. f64
/// serves tests: what is compiled for it is kept small.
template <class C>
struct Sharing {
  static constexpr int kGroup = 2, kRegisters = 8;
};
template <>
struct Sharing<float> {
#if HWY_TARGET <= HWY_AVX3
  static constexpr int kGroup = kMostQueries, kRegisters = 32;
#else
  static constexpr int kGroup = 4, kRegisters = 16;
#endif
};

/// f<count>() for a count from 1 to kMost.
template <int kMost, class F>
HWY_INLINE void with_count(int64_t count, F&& f) {
  if (count == kMost) {
    f.template operator()<kMost>();
  } else if constexpr (kMost > 1) {
    with_count<kMost - 1>(count, f);
  }
}

/// What p points to, in a register: g++ would load it again for every product.
template <class C>
HWY_INLINE Lanes<C> load_once(const C* p) {
  Lanes<C> x = load(p, Whole{});
  asm("" : "+v"(x.v.raw));
  return x;
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
