#pragma once

#include "tests/support/fp64.h"

namespace vicinity::reference {

/// [cls + position 0, registers, patch or mask token + its position].
inline Tensor embed_tokens(const Tensor& patches, const Tensor& cls, const Tensor& positions,
                           const Tensor& registers, const Tensor& mask_token, const Tensor& mask) {
  View in(patches), position(positions);
  const int64_t batch = patches.dim(0), count = patches.dim(1), width = patches.dim(2),
                extra = registers.defined() ? registers.dim(0) : 0;
  View y(Shape{batch, 1 + extra + count, width});
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t c = 0; c < width; ++c) {
      y(b, 0, c) = cls.data<double>()[c] + position(0, c);
      for (int64_t r = 0; r < extra; ++r) y(b, 1 + r, c) = registers.data<double>()[r * width + c];
      for (int64_t n = 0; n < count; ++n) {
        const bool hidden = mask.defined() && mask.data<uint8_t>()[b * count + n] != 0;
        y(b, 1 + extra + n, c) =
            (hidden ? mask_token.data<double>()[c] : in(b, n, c)) + position(1 + n, c);
      }
    }
  }
  return y.tensor();
}

}  // namespace vicinity::reference
