#include "models/pass.h"

#include "core/base/random.h"
#include "core/ops/transfer.h"
#include "core/tensor/memory_tape.h"

namespace vicinity {
namespace {

// f32 or f64.
void set_value(Tensor& x, int64_t i, double value) {
  if (x.dtype() == DType::f64) {
    x.data<double>()[i] = value;
  } else {
    x.data<float>()[i] = static_cast<float>(value);
  }
}

}  // namespace

const Tensor& Kept::once(const std::string& name, const std::function<Tensor()>& make) {
  const auto found = tensors_.find(name);
  if (found != tensors_.end()) return found->second;
  const MemoryTape::Paused paused;  // it outlives the pass
  return tensors_.emplace(name, make()).first->second;
}

int Pass::stages_to_run(int stages, const std::vector<int>& features) const {
  if (outputs == nullptr || outputs->request().wants_all_stages()) return stages;
  return outputs->request().feature_maps && !features.empty() ? features.back() : 0;
}

Tensor drop_path_factors(const Pass& pass, double rate, int64_t branch, int64_t batch,
                         Device device) {
  if (!pass.training || rate <= 0) return {};
  const auto fill = [rate, branch, seed = pass.seed, first = pass.first_sample](Tensor& factors,
                                                                                int64_t step) {
    for (int64_t b = 0; b < factors.size(); ++b) {
      const uint64_t sample = static_cast<uint64_t>(step) << 32 | static_cast<uint64_t>(first + b);
      Random random(seed, Purpose::drop_path, sample, static_cast<uint32_t>(branch));
      set_value(factors, b, random.chance(rate) ? 0 : 1 / (1 - rate));
    }
  };
  return step_values({batch}, accumulator_of(pass.act), device, pass.step, fill);
}

Tensor head_dropout_factors(const Pass& pass, const Shape& shape, Device device) {
  if (!pass.training || pass.head_dropout <= 0) return {};
  const auto fill = [rate = pass.head_dropout, seed = pass.seed, first = pass.first_sample](
                        Tensor& factors, int64_t step) {
    const int64_t batch = factors.dim(0), width = factors.dim(1);
    for (int64_t b = 0; b < batch; ++b) {
      const uint64_t sample = static_cast<uint64_t>(step) << 32 | static_cast<uint64_t>(first + b);
      Random random(seed, Purpose::dropout, sample);
      for (int64_t i = b * width; i < (b + 1) * width; ++i)
        set_value(factors, i, random.chance(rate) ? 0 : 1 / (1 - rate));
    }
  };
  return step_values(shape, accumulator_of(pass.act), device, pass.step, fill);
}

}  // namespace vicinity
