// One pass through a model: what varies from pass to pass is an argument, never a state of the
// model.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "models/outputs.h"

namespace vicinity {

/// What depends on weights and the shape of images alone, computed by the first pass that needs it.
/// Good until the weights change.
class Kept {
 public:
  const Tensor& once(const std::string& name, const std::function<Tensor()>& make);

 private:
  std::map<std::string, Tensor> tensors_;
};

struct Pass {
  bool training = false;   // drop path on
  DType act = DType::f32;  // dtype of activations and matrix operands
  uint64_t seed = 0;
  int64_t step = 0;
  int64_t first_sample = 0;  // position of the first image in the whole batch: names its draws
  bool recompute = false;    // what blocks compute is not kept for backward but computed again
  double head_dropout = 0;   // rate for what the classifier reads, in training
  /// DINOv2 only: u8 [B, patches]; where not 0, the mask token takes the patch's place.
  Tensor bool_masked_pos;
  /// DINOv2 only: floats [A] or [L, A] on the CPU, for all layers or each of them; factors of the
  /// probabilities of each head, after the softmax. The way of 4.37.2; later releases have none.
  Tensor head_mask;
  OutputSink* outputs = nullptr;  // takes what is wanted beside the result; absent: nothing
  Kept* kept = nullptr;           // what passes over images of this shape share; absent: nothing

  /// Whether the outputs ask for this.
  bool wants(bool OutputRequest::*what) const {
    return outputs != nullptr && outputs->request().*what;
  }
  /// Of `stages` levels or layers, how many have to run: those up to the last in `features` where
  /// only feature maps are wanted.
  int stages_to_run(int stages, const std::vector<int>& features) const;
  /// Whether the last norm and what follows have to run.
  bool wants_last_norm() const {
    return outputs == nullptr || outputs->request().wants_last_norm();
  }
  /// Whether the pooling and what follows have to run.
  bool wants_pooling() const { return outputs == nullptr || outputs->request().wants_pooling(); }
};

/// Stochastic depth: per sample 0 with probability `rate`, else 1 / (1 - rate); absent where
/// nothing is dropped. The draw of a sample is a function of (seed, step, its position in the
/// batch, branch) -> [B] of accumulator_of(act). Huang et al. 2016, arXiv:1603.09382.
Tensor drop_path_factors(const Pass& pass, double rate, int64_t branch, int64_t batch,
                         Device device);

/// Factors of pass.head_dropout for the classifier's input [B, C], in accumulator_of(act); absent
/// where nothing is dropped. The draws of a sample are a function of (seed, step, its position in
/// the batch).
Tensor head_dropout_factors(const Pass& pass, const Shape& shape, Device device);

}  // namespace vicinity
