// Vectors for kernels that are compiled twice, for AVX2 and for AVX-512, with Highway. Such a file
// names itself in HWY_TARGET_INCLUDE before it includes this one, keeps its loops over arrays
// between HWY_BEFORE_NAMESPACE and HWY_AFTER_NAMESPACE in namespace kernels::HWY_NAMESPACE, and the
// rest below #if HWY_ONCE, where VIC_SIMD(f)(...) calls the better f that this CPU has. Loops may
// call nothing defined elsewhere: the linker would keep one copy of it, perhaps with AVX-512.
#ifndef HWY_DISABLE_PCLMUL_AES
#define HWY_DISABLE_PCLMUL_AES  // so that what the other files are compiled for is Highway's AVX2
#endif
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#if defined(VICINITY_CORE_CPU_SIMD_H) == defined(HWY_TARGET_TOGGLE)
#ifdef VICINITY_CORE_CPU_SIMD_H
#undef VICINITY_CORE_CPU_SIMD_H
#else
#define VICINITY_CORE_CPU_SIMD_H
#endif

#include "core/runtime/isa.h"
#include "core/tensor/dtype.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// As many float or double numbers as one register holds.
template <class C>
struct Lanes {
  using Tag = hn::ScalableTag<C>;
  static constexpr int64_t kCount = hn::MaxLanes(Tag());
  hn::Vec<Tag> v;

  HWY_INLINE Lanes() : v(hn::Zero(Tag())) {}
  HWY_INLINE Lanes(C value) : v(hn::Set(Tag(), value)) {}
  HWY_INLINE Lanes(hn::Vec<Tag> vector) : v(vector) {}

  friend HWY_INLINE Lanes operator+(Lanes a, Lanes b) { return hn::Add(a.v, b.v); }
  friend HWY_INLINE Lanes operator-(Lanes a, Lanes b) { return hn::Sub(a.v, b.v); }
  friend HWY_INLINE Lanes operator*(Lanes a, Lanes b) { return hn::Mul(a.v, b.v); }
  friend HWY_INLINE Lanes operator/(Lanes a, Lanes b) { return hn::Div(a.v, b.v); }
  HWY_INLINE Lanes& operator+=(Lanes b) { return *this = *this + b; }

  /// Where either is NaN, b.
  friend HWY_INLINE Lanes min(Lanes a, Lanes b) { return hn::Min(a.v, b.v); }
  friend HWY_INLINE Lanes max(Lanes a, Lanes b) { return hn::Max(a.v, b.v); }
  friend HWY_INLINE Lanes abs(Lanes a) { return hn::Abs(a.v); }
  /// a b + c, rounded once.
  friend HWY_INLINE Lanes fma(Lanes a, Lanes b, Lanes c) { return hn::MulAdd(a.v, b.v, c.v); }
  /// a where x > 0, else b.
  friend HWY_INLINE Lanes where_positive(Lanes x, Lanes a, Lanes b) {
    return hn::IfThenElse(hn::Gt(x.v, hn::Zero(Tag())), a.v, b.v);
  }
  HWY_INLINE C sum() const { return hn::GetLane(hn::SumOfLanes(Tag(), v)); }
  HWY_INLINE C most() const { return hn::GetLane(hn::MaxOfLanes(Tag(), v)); }
};

/// How much of a vector lies inside the row.
struct Whole {};
struct Some {
  int64_t count;
};

/// `other` behind the end of the row.
template <class C>
HWY_INLINE Lanes<C> keep(Lanes<C> x, Whole, Lanes<C> = {}) {
  return x;
}
template <class C>
HWY_INLINE Lanes<C> keep(Lanes<C> x, Some some, Lanes<C> other = {}) {
  const typename Lanes<C>::Tag d;
  return hn::IfThenElse(hn::FirstN(d, static_cast<size_t>(some.count)), x.v, other.v);
}

template <class C>
HWY_INLINE Lanes<C> load(const C* p, Whole) {
  return hn::LoadU(typename Lanes<C>::Tag(), p);
}
template <class C>
HWY_INLINE Lanes<C> load(const C* p, Some some) {
  const typename Lanes<C>::Tag d;
  return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(some.count)), d, p);
}
template <class C>
HWY_INLINE void store(Lanes<C> x, C* p, Whole) {
  hn::StoreU(x.v, typename Lanes<C>::Tag(), p);
}
template <class C>
HWY_INLINE void store(Lanes<C> x, C* p, Some some) {
  const typename Lanes<C>::Tag d;
  hn::BlendedStore(x.v, hn::FirstN(d, static_cast<size_t>(some.count)), d, p);
}

using Halves = hn::Rebind<uint16_t, Lanes<float>::Tag>;
using Words = hn::Rebind<uint32_t, Lanes<float>::Tag>;

HWY_INLINE Lanes<float> widen(hn::Vec<Halves> bits) {
  return hn::BitCast(Lanes<float>::Tag(), hn::ShiftLeft<16>(hn::PromoteTo(Words(), bits)));
}
/// To nearest even, and NaN stays NaN: the bits of bf16(float).
HWY_INLINE hn::Vec<Halves> narrow(Lanes<float> x) {
  const Words d;
  const auto bits = hn::BitCast(d, x.v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 1u));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(d, 0x7fffu)));
  const auto quiet = hn::Or(bits, hn::Set(d, 0x400000u));
  const auto chosen = hn::IfThenElse(hn::RebindMask(d, hn::IsNaN(x.v)), quiet, rounded);
  return hn::TruncateTo(Halves(), hn::ShiftRight<16>(chosen));
}

HWY_INLINE Lanes<float> load(const bf16* p, Whole) { return widen(hn::LoadU(Halves(), &p->bits)); }
HWY_INLINE void store(Lanes<float> x, bf16* p, Whole) { hn::StoreU(narrow(x), Halves(), &p->bits); }
#if HWY_TARGET <= HWY_AVX3
HWY_INLINE Lanes<float> load(const bf16* p, Some some) {
  const Halves d;
  return widen(hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(some.count)), d, &p->bits));
}
HWY_INLINE void store(Lanes<float> x, bf16* p, Some some) {
  const Halves d;
  hn::BlendedStore(narrow(x), hn::FirstN(d, static_cast<size_t>(some.count)), d, &p->bits);
}
#else  // AVX2 has no masks for 16 bits
HWY_INLINE Lanes<float> load(const bf16* p, Some some) {
  uint16_t bits[Lanes<float>::kCount] = {};
  for (int64_t i = 0; i < some.count; ++i) bits[i] = p[i].bits;
  return widen(hn::LoadU(Halves(), bits));
}
HWY_INLINE void store(Lanes<float> x, bf16* p, Some some) {
  uint16_t bits[Lanes<float>::kCount];
  hn::StoreU(narrow(x), Halves(), bits);
  for (int64_t i = 0; i < some.count; ++i) p[i].bits = bits[i];
}
#endif

/// body(i, part) for each vector of `count` numbers: part is Whole, at the end perhaps Some.
template <class C, class Body>
HWY_INLINE void for_lanes(int64_t count, Body&& body) {
  constexpr int64_t kStep = Lanes<C>::kCount;
  int64_t i = 0;
  for (; i + kStep <= count; i += kStep) body(i, Whole{});
  if (i < count) body(i, Some{count - i});
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#if HWY_ONCE && !defined(VIC_SIMD)
// f may be an instance of a template, commas and all.
#define VIC_SIMD(...) \
  (vicinity::kernels::runs_avx512() ? &N_AVX3::__VA_ARGS__ : &N_AVX2::__VA_ARGS__)

namespace vicinity::kernels {

/// Highway's word on this CPU, held down as cpu_isa() says.
inline bool runs_avx512() {
  static const bool yes = cpu_isa() != Isa::avx2 && (hwy::SupportedTargets() & HWY_AVX3) != 0;
  return yes;
}

}  // namespace vicinity::kernels
#endif
