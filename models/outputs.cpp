#include "models/outputs.h"

#include <cstring>

#include "core/ops/transfer.h"

namespace vicinity {

Outputs OutputSink::collect() const {
  Outputs outputs{.request = request_};
  for (const Kept& kept : kept_) {
    const Tensor on_cpu = to_device(kept.tensor, kCpu);
    Tensor result = kept.finish ? kept.finish(on_cpu) : on_cpu;
    if (kept.one != nullptr) {
      outputs.*kept.one = std::move(result);
    } else {
      (outputs.*kept.many).push_back(std::move(result));
    }
  }
  return outputs;
}

Tensor channels_first(const Tensor& x, int64_t first, int64_t height, int64_t width) {
  const int64_t batch = x.dim(0), channels = x.dim(-1), area = height * width;
  const int64_t tokens = x.shape().size(1, x.rank() - 1);
  VIC_ASSERT(first + area <= tokens, x.shape(), " has no map of ", height, " x ", width);
  Tensor y = empty({batch, channels, height, width}, x.dtype());
  for_float_dtype(x.dtype(), [&]<class T>() {
    for (int64_t b = 0; b < batch; ++b) {
      const T* from = x.data<T>() + (b * tokens + first) * channels;
      T* to = y.data<T>() + b * channels * area;
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t i = 0; i < area; ++i) to[c * area + i] = from[i * channels + c];
      }
    }
  });
  return y;
}

Tensor first_columns(const Tensor& x, int64_t count) {
  Tensor y = empty({x.dim(0), count}, x.dtype());
  const size_t from = static_cast<size_t>(x.dim(1)) * size_of(x.dtype());
  const size_t to = static_cast<size_t>(count) * size_of(x.dtype());
  for (size_t b = 0; b < static_cast<size_t>(x.dim(0)); ++b)
    std::memcpy(y.raw() + b * to, x.raw() + b * from, to);
  return y;
}

}  // namespace vicinity
