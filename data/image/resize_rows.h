// The two passes of a resize over rows of bytes: sums of weighted pixels in 22-bit fixed point.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vicinity {

/// Which inputs each output reads, and with what weights. A weight is high * 2^11 + low with both
/// in 16 bits, which the CPU multiplies two at a time; two neighbours share one number (the first
/// below). Outputs of fewer taps end in zeros.
struct Taps {
  int pairs = 0;
  std::vector<int> first;
  std::vector<int32_t> high, low;  // [outputs, pairs]
};

/// Bits of a weight behind the point, and of its low part.
constexpr int kWeightBits = 22, kLowBits = 11;
/// Bytes behind a row that are read, and do not matter.
constexpr size_t kRowPadding = 64;

/// out[x] = sum of weighted pixels of `in`, for each of the taps' outputs; 3 bytes a pixel. Two
/// rows at once. Each `in` has 6 * pairs + kRowPadding bytes to read behind it, each `out` one to
/// write.
void resize_across(const uint8_t* const in[2], const Taps& taps, uint8_t* const out[2]);
/// Output row `y`: out[i] = sum of weights times rows[k][i], k < 2 * pairs. Each row has
/// kRowPadding bytes to read behind it.
void resize_down(const uint8_t* const* rows, const Taps& taps, int y, size_t bytes, uint8_t* out);

}  // namespace vicinity
