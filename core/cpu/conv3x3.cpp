// Gathering and scattering of 3x3 patches on the CPU. Bound by memory.
#include "core/ops/conv3x3.h"

#include <vector>

#include <cstring>

namespace vicinity::kernels {

void conv3x3_patches(Cpu& cpu, const Tensor& x, Tensor& patches) {
  const int64_t batch = x.dim(0), height = x.dim(1), width = x.dim(2);
  const int64_t out_height = (height + 1) / 2, out_width = (width + 1) / 2;
  const size_t pixel = static_cast<size_t>(x.dim(3)) * size_of(x.dtype());
  cpu.parallel_for(batch * out_height, [&](int64_t row) {
    const int64_t b = row / out_height, i = row % out_height;
    char* out = patches.raw() + static_cast<size_t>(row * out_width) * 9 * pixel;
    for (int64_t j = 0; j < out_width; ++j) {
      for (int64_t u = 2 * i - 1; u <= 2 * i + 1; ++u) {
        const char* line = x.raw() + static_cast<size_t>((b * height + u) * width) * pixel;
        const bool inside = u >= 0 && u < height;
        if (inside && j > 0 && 2 * j + 1 < width) {
          std::memcpy(out, line + static_cast<size_t>(2 * j - 1) * pixel, 3 * pixel);
          out += 3 * pixel;
          continue;
        }
        for (int64_t v = 2 * j - 1; v <= 2 * j + 1; ++v, out += pixel) {
          if (inside && v >= 0 && v < width) {
            std::memcpy(out, line + static_cast<size_t>(v) * pixel, pixel);
          } else {
            std::memset(out, 0, pixel);
          }
        }
      }
    }
  });
}

// An input row h is seen by output rows i with 2i - 1 <= h <= 2i + 1: i = h / 2 and, for odd h, (h
// + 1) / 2.
void conv3x3_scatter(Cpu& cpu, const Tensor& dpatches, Tensor& dx) {
  const int64_t batch = dx.dim(0), height = dx.dim(1), width = dx.dim(2), channels = dx.dim(3);
  const int64_t out_height = (height + 1) / 2, out_width = (width + 1) / 2;
  for_float_dtype(dx.dtype(), [&]<class T>() {
    using C = Compute<T>;
    cpu.parallel_for(batch * height, [&](int64_t row) {
      const int64_t b = row / height, h = row % height;
      std::vector<C> sum(static_cast<size_t>(channels));
      for (int64_t w = 0; w < width; ++w) {
        std::fill(sum.begin(), sum.end(), C{0});
        for (int64_t i = h / 2; i <= std::min((h + 1) / 2, out_height - 1); ++i) {
          for (int64_t j = w / 2; j <= std::min((w + 1) / 2, out_width - 1); ++j) {
            const int64_t tap = (h - 2 * i + 1) * 3 + (w - 2 * j + 1);
            const T* in =
                dpatches.data<T>() + (((b * out_height + i) * out_width + j) * 9 + tap) * channels;
            for (int64_t c = 0; c < channels; ++c)
              sum[static_cast<size_t>(c)] += static_cast<C>(in[c]);
          }
        }
        T* out = dx.data<T>() + (row * width + w) * channels;
        for (int64_t c = 0; c < channels; ++c) out[c] = static_cast<T>(sum[static_cast<size_t>(c)]);
      }
    });
  });
}

}  // namespace vicinity::kernels
