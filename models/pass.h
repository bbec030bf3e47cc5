// One pass through a model: what varies from pass to pass is an argument, never a state of the
// model.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor/tensor.h"

namespace vicinity {

/// What a caller wants to keep of the inside of a model, filled as the pass goes.
struct Capture {
  std::vector<Tensor> hidden_states;  // as Hugging Face's output_hidden_states, channels last
  Tensor last_hidden_state;           // after the final norm
  Tensor pooled;

  bool wants_attentions = false;  // costs another product of queries and keys per block
  /// Softmax probabilities of every block, accumulators. DINOv2: [B, heads, N, N]. DiNAT: [B,
  /// heads, H, W, K * K] of the padded map (Hugging Face returns those of each level's last block).
  std::vector<Tensor> attentions;
};

struct Pass {
  bool training = false;   // drop path on
  DType act = DType::f32;  // dtype of activations and matrix operands
  uint64_t seed = 0;
  int64_t step = 0;
  int64_t first_sample = 0;  // position of the first image in the whole batch: names its draws
  Capture* capture = nullptr;

  bool wants_attentions() const { return capture != nullptr && capture->wants_attentions; }
};

/// Stochastic depth: per sample 0 with probability `rate`, else 1 / (1 - rate); absent where
/// nothing is dropped. The draw of a sample is a function of (seed, step, its position in the
/// batch, branch) -> [B] of accumulator_of(act). Huang et al. 2016, arXiv:1603.09382.
Tensor drop_path_factors(const Pass& pass, double rate, int64_t branch, int64_t batch,
                         Device device);

}  // namespace vicinity
