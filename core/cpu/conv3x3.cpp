// Gathering and scattering of 3x3 patches on the CPU. Bound by memory.
#include "core/ops/conv3x3.h"

#include <cstring>

#define HWY_TARGET_INCLUDE "core/cpu/conv3x3.cpp"
#include "core/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

/// Row h of one image's dx [height, width, channels] from dpatches [out rows, out columns, 9,
/// channels]. An input row h is seen by output rows i with 2i - 1 <= h <= 2i + 1: i = h / 2 and,
/// for odd h, (h + 1) / 2; columns likewise.
template <class T>
void scatter_row(const T* dpatches, int64_t h, int64_t height, int64_t width, int64_t channels,
                 T* dx) {
  const int64_t out_height = (height + 1) / 2, out_width = (width + 1) / 2;
  for (int64_t w = 0; w < width; ++w, dx += channels) {
    const T* taps[4];
    int count = 0;
    for (int64_t i = h / 2; i <= (h + 1) / 2 && i < out_height; ++i) {
      for (int64_t j = w / 2; j <= (w + 1) / 2 && j < out_width; ++j) {
        const int64_t tap = (h - 2 * i + 1) * 3 + (w - 2 * j + 1);
        taps[count++] = dpatches + ((i * out_width + j) * 9 + tap) * channels;
      }
    }
    for_lanes<Compute<T>>(channels, [&](int64_t c, auto part) {
      Lanes<Compute<T>> sum;
      for (int k = 0; k < count; ++k) sum += load(taps[k] + c, part);
      store(sum, dx + c, part);
    });
  }
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
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

void conv3x3_scatter(Cpu& cpu, const Tensor& dpatches, Tensor& dx) {
  const int64_t batch = dx.dim(0), height = dx.dim(1), width = dx.dim(2), channels = dx.dim(3);
  const int64_t image = (height + 1) / 2 * ((width + 1) / 2) * 9 * channels;
  for_float_dtype(dx.dtype(), [&]<class T>() {
    const auto run = VIC_SIMD(scatter_row<T>);
    cpu.parallel_for(batch * height, [&](int64_t row) {
      run(dpatches.data<T>() + row / height * image, row % height, height, width, channels,
          dx.data<T>() + row * width * channels);
    });
  });
}

}  // namespace vicinity::kernels
#endif
