#include "core/ops/embed_tokens.h"

#include <vector>

namespace vicinity::kernels {

void embed_tokens_forward(Cpu& cpu, const Tensor& patches, const Tensor& cls,
                          const Tensor& positions, const Tensor& registers,
                          const Tensor& mask_token, const Tensor& mask, Tensor& y) {
  const int64_t count = patches.dim(1), width = patches.dim(2), tokens = y.dim(1),
                extra = tokens - 1 - count;
  for_float_dtype(y.dtype(), [&]<class T>() {
    using C = Compute<T>;
    cpu.parallel_rows(y.dim(0), tokens * width, [&](int64_t b) {
      T* out = y.data<T>() + b * tokens * width;
      for (int64_t c = 0; c < width; ++c)
        out[c] = static_cast<T>(cls.data<C>()[c] + positions.data<C>()[c]);
      out += width;
      for (int64_t i = 0; i < extra * width; ++i) *out++ = static_cast<T>(registers.data<C>()[i]);
      for (int64_t n = 0; n < count; ++n) {
        const bool hidden = mask.defined() && mask.data<uint8_t>()[b * count + n] != 0;
        const T* patch = patches.data<T>() + (b * count + n) * width;
        const C* position = positions.data<C>() + (1 + n) * width;
        for (int64_t c = 0; c < width; ++c) {
          const C value = hidden ? mask_token.data<C>()[c] : static_cast<C>(patch[c]);
          *out++ = static_cast<T>(value + position[c]);
        }
      }
    });
  });
}

void embed_tokens_backward(Cpu& cpu, const Tensor& dy, int64_t registers, const Tensor& mask,
                           EmbedTokensGrads& grads) {
  const int64_t batch = dy.dim(0), tokens = dy.dim(1), width = dy.dim(2),
                count = tokens - 1 - registers;
  for_float_dtype(dy.dtype(), [&]<class T>() {
    using C = Compute<T>;
    const T* in = dy.data<T>();
    const auto hidden = [&](int64_t b, int64_t n) {
      return mask.defined() && mask.data<uint8_t>()[b * count + n] != 0;
    };
    // One token position per task: sums over samples in order, whatever the threads.
    cpu.parallel_rows(tokens, batch * width, [&](int64_t t) {
      std::vector<C> sum(static_cast<size_t>(width));
      const int64_t n = t - 1 - registers;
      for (int64_t b = 0; b < batch; ++b) {
        const T* row = in + (b * tokens + t) * width;
        for (int64_t c = 0; c < width; ++c) sum[static_cast<size_t>(c)] += static_cast<C>(row[c]);
        if (n < 0) continue;
        T* out = grads.dpatches.data<T>() + (b * count + n) * width;
        for (int64_t c = 0; c < width; ++c) out[c] = hidden(b, n) ? T(C{0}) : row[c];
      }
      if (t == 0) std::copy(sum.begin(), sum.end(), grads.dcls.data<C>());
      if (t > 0 && n < 0)
        std::copy(sum.begin(), sum.end(), grads.dregisters.data<C>() + (t - 1) * width);
      if (t == 0 || n >= 0)
        std::copy(sum.begin(), sum.end(),
                  grads.dpositions.data<C>() + (t == 0 ? 0 : 1 + n) * width);
    });
    if (!mask.defined()) return;
    C* total = grads.dmask_token.data<C>();
    std::fill(total, total + width, C{0});
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t n = 0; n < count; ++n) {
        if (!hidden(b, n)) continue;
        const T* row = in + (b * tokens + 1 + registers + n) * width;
        for (int64_t c = 0; c < width; ++c) total[c] += static_cast<C>(row[c]);
      }
    }
  });
}

}  // namespace vicinity::kernels
