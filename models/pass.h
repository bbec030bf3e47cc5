// One pass through a model: what varies from pass to pass is an argument, never a state of the
// model.
#pragma once

#include <cstdint>

#include "models/outputs.h"

namespace vicinity {

struct Pass {
  bool training = false;   // drop path on
  DType act = DType::f32;  // dtype of activations and matrix operands
  uint64_t seed = 0;
  int64_t step = 0;
  int64_t first_sample = 0;  // position of the first image in the whole batch: names its draws
  /// DINOv2 only: u8 [B, patches]; where not 0, the mask token takes the patch's place.
  Tensor bool_masked_pos;
  /// DINOv2 only: floats [A] or [L, A] on the CPU, for all layers or each of them; factors of the
  /// probabilities of each head, after the softmax. The way of 4.37.2; later releases have none.
  Tensor head_mask;
  Outputs* outputs = nullptr;  // what to bring back beside the result; absent: nothing

  /// Whether the outputs ask for this.
  bool wants(bool OutputRequest::*what) const {
    return outputs != nullptr && outputs->request.*what;
  }
  /// Of `stages` levels or layers, how many have to run: those up to the last in `features` where
  /// only feature maps are wanted.
  int stages_to_run(int stages, const std::vector<int>& features) const;
  /// Whether the last norm and what follows have to run.
  bool wants_last_norm() const { return outputs == nullptr || outputs->request.wants_last_norm(); }
  /// Whether the pooling and what follows have to run.
  bool wants_pooling() const { return outputs == nullptr || outputs->request.wants_pooling(); }
};

/// Stochastic depth: per sample 0 with probability `rate`, else 1 / (1 - rate); absent where
/// nothing is dropped. The draw of a sample is a function of (seed, step, its position in the
/// batch, branch) -> [B] of accumulator_of(act). Huang et al. 2016, arXiv:1603.09382.
Tensor drop_path_factors(const Pass& pass, double rate, int64_t branch, int64_t batch,
                         Device device);

}  // namespace vicinity
