#include "core/ops/patches.h"

#include <cstring>

namespace vicinity::kernels {

void patches_forward(Cpu& cpu, const Tensor& x, int64_t p, Tensor& y) {
  const int64_t height = x.dim(1), width = x.dim(2), down = height / p, across = width / p;
  const size_t pixel = static_cast<size_t>(x.dim(3)) * size_of(x.dtype()),
               run = static_cast<size_t>(p) * pixel;
  cpu.parallel_for(x.dim(0) * down, [&](int64_t row) {
    const int64_t b = row / down, i = row % down;
    char* out = y.raw() + static_cast<size_t>(row * across * p) * run;
    for (int64_t j = 0; j < across; ++j) {
      for (int64_t u = 0; u < p; ++u, out += run) {
        std::memcpy(out,
                    x.raw() + static_cast<size_t>((b * height + i * p + u) * width + j * p) * pixel,
                    run);
      }
    }
  });
}

}  // namespace vicinity::kernels
