#include "models/pass.h"

#include "core/base/random.h"
#include "core/ops/transfer.h"

namespace vicinity {

int Pass::stages_to_run(int stages, const std::vector<int>& features) const {
  if (outputs == nullptr || outputs->request.wants_all_stages()) return stages;
  return outputs->request.feature_maps && !features.empty() ? features.back() : 0;
}

Tensor drop_path_factors(const Pass& pass, double rate, int64_t branch, int64_t batch,
                         Device device) {
  if (!pass.training || rate <= 0) return {};
  const auto fill = [rate, branch, seed = pass.seed, first = pass.first_sample](Tensor& factors,
                                                                                int64_t step) {
    for (int64_t b = 0; b < factors.size(); ++b) {
      const uint64_t sample = static_cast<uint64_t>(step) << 32 | static_cast<uint64_t>(first + b);
      Random random(seed, Purpose::drop_path, sample, static_cast<uint32_t>(branch));
      const double factor = random.chance(rate) ? 0 : 1 / (1 - rate);
      if (factors.dtype() == DType::f64) {
        factors.data<double>()[b] = factor;
      } else {
        factors.data<float>()[b] = static_cast<float>(factor);
      }
    }
  };
  return step_values({batch}, accumulator_of(pass.act), device, pass.step, fill);
}

}  // namespace vicinity
