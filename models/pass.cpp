#include "models/pass.h"

#include "core/base/random.h"

namespace vicinity {

Tensor drop_path_factors(const Pass& pass, double rate, int64_t branch, int64_t batch,
                         Device device) {
  if (!pass.training || rate <= 0) return {};
  Tensor factors = empty({batch}, accumulator_of(pass.act), device);
  if (device != kCpu) return factors;
  for (int64_t b = 0; b < batch; ++b) {
    const uint64_t sample =
        static_cast<uint64_t>(pass.step) << 32 | static_cast<uint64_t>(pass.first_sample + b);
    Random random(pass.seed, Purpose::drop_path, sample, static_cast<uint32_t>(branch));
    const double factor = random.chance(rate) ? 0 : 1 / (1 - rate);
    if (factors.dtype() == DType::f64) {
      factors.data<double>()[b] = factor;
    } else {
      factors.data<float>()[b] = static_cast<float>(factor);
    }
  }
  return factors;
}

}  // namespace vicinity
