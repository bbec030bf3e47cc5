#include "data/image/resize_rows.h"

#include <algorithm>
#include <cstring>

#define HWY_TARGET_INCLUDE "data/image/resize_rows.cpp"
#include "core/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

// Sums of both parts of the weights, which meet at the end.
template <class D>
struct PairSums {
  using Shorts = hn::Repartition<int16_t, D>;
  hn::Vec<D> high, low, rest;

  HWY_INLINE PairSums()
      : high(hn::Zero(D())), low(hn::Set(D(), 1 << (kWeightBits - 1))), rest(hn::Zero(D())) {}

  // Each lane: the products of its two 16-bit numbers. On x86 `rest` stays zero.
  HWY_INLINE void add(hn::Vec<Shorts> pixels, int32_t high_pair, int32_t low_pair) {
    const Shorts s;
    high = hn::ReorderWidenMulAccumulate(D(), pixels, hn::BitCast(s, hn::Set(D(), high_pair)), high,
                                         rest);
    low = hn::ReorderWidenMulAccumulate(D(), pixels, hn::BitCast(s, hn::Set(D(), low_pair)), low,
                                        rest);
  }
  HWY_INLINE hn::Vec<hn::Rebind<uint8_t, D>> rounded() const {
    const auto sum = hn::Add(hn::ShiftLeft<kLowBits>(high), low);
    return hn::DemoteTo(hn::Rebind<uint8_t, D>(), hn::ShiftRight<kWeightBits>(sum));
  }
};

// Lanes: red, green, blue, nothing of the one row, then of the other.
void across(const uint8_t* const* in, const int* first, const int32_t* high, const int32_t* low,
            int pairs, int outputs, uint8_t* const* out) {
  using D = hn::FixedTag<int32_t, 8>;
  const hn::FixedTag<uint8_t, 32> bytes;
  const hn::FixedTag<uint8_t, 16> half;
  constexpr uint8_t z = 0x80;  // a zero: bytes become 16-bit numbers
  alignas(16) constexpr uint8_t kNeighbours[16] = {0, z, 3, z, 1, z, 4, z, 2, z, 5, z, z, z, z, z};
  const auto neighbours = hn::LoadDup128(bytes, kNeighbours);
  for (int x = 0; x < outputs; ++x, high += pairs, low += pairs) {
    const uint8_t *a = in[0] + 3 * first[x], *b = in[1] + 3 * first[x];
    PairSums<D> sums;
    for (int k = 0; k < pairs; ++k, a += 6, b += 6) {
      const auto both = hn::Combine(bytes, hn::LoadU(half, b), hn::LoadU(half, a));
      const auto pixels = hn::TableLookupBytesOr0(both, neighbours);
      sums.add(hn::BitCast(PairSums<D>::Shorts(), pixels), high[k], low[k]);
    }
    uint8_t pixel[8];
    hn::StoreU(sums.rounded(), hn::Rebind<uint8_t, D>(), pixel);
    std::memcpy(out[0] + 3 * x, pixel, 4);  // the next pixel writes over the fourth byte
    std::memcpy(out[1] + 3 * x, pixel + 4, 4);
  }
}

void down(const uint8_t* const* rows, const int32_t* high, const int32_t* low, int pairs,
          size_t count, uint8_t* out) {
  using D = hn::ScalableTag<int32_t>;
  using Bytes = hn::Rebind<uint8_t, D>;
  constexpr size_t kStep = hn::MaxLanes(D());
  for (size_t i = 0; i < count; i += kStep) {
    PairSums<D> sums;
    for (int k = 0; k < pairs; ++k) {
      const auto upper = hn::PromoteTo(D(), hn::LoadU(Bytes(), rows[2 * k] + i));
      const auto lower = hn::PromoteTo(D(), hn::LoadU(Bytes(), rows[2 * k + 1] + i));
      sums.add(hn::BitCast(PairSums<D>::Shorts(), hn::Or(upper, hn::ShiftLeft<16>(lower))), high[k],
               low[k]);
    }
    if (i + kStep <= count) {
      hn::StoreU(sums.rounded(), Bytes(), out + i);
    } else {
      uint8_t last[kStep];
      hn::StoreU(sums.rounded(), Bytes(), last);
      std::memcpy(out + i, last, count - i);
    }
  }
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vicinity {

void resize_across(const uint8_t* const in[2], const Taps& taps, uint8_t* const out[2]) {
  using namespace kernels;
  const auto best = VIC_SIMD(across);
  best(in, taps.first.data(), taps.high.data(), taps.low.data(), taps.pairs,
       static_cast<int>(taps.first.size()), out);
}

void resize_down(const uint8_t* const* rows, const Taps& taps, int y, size_t bytes, uint8_t* out) {
  using namespace kernels;
  const auto at = static_cast<size_t>(y) * static_cast<size_t>(taps.pairs);
  const auto best = VIC_SIMD(down);
  best(rows, taps.high.data() + at, taps.low.data() + at, taps.pairs, bytes, out);
}

}  // namespace vicinity
#endif
