#include "core/ops/pad_map.h"

#include <cstring>

namespace vicinity::kernels {

void pad_map(Cpu& cpu, const Tensor& x, Tensor& y) {
  const size_t pixel = static_cast<size_t>(x.dim(3)) * size_of(x.dtype());
  const size_t from = static_cast<size_t>(x.dim(2)) * pixel,
               to = static_cast<size_t>(y.dim(2)) * pixel;
  cpu.parallel_rows(y.dim(0) * y.dim(1), y.dim(2) * y.dim(3), [&](int64_t row) {
    const int64_t b = row / y.dim(1), i = row % y.dim(1);
    char* out = y.raw() + static_cast<size_t>(row) * to;
    const size_t copied = i < x.dim(1) ? std::min(from, to) : 0;
    if (copied > 0)
      std::memcpy(out, x.raw() + static_cast<size_t>(b * x.dim(1) + i) * from, copied);
    std::memset(out + copied, 0, to - copied);
  });
}

}  // namespace vicinity::kernels
