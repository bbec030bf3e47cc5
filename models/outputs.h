// What the model, classification and backbone classes of Hugging Face's DiNAT and DINOv2 return,
// under their names.
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "core/tensor/tensor.h"

namespace vicinity {

/// What is wanted of a pass. Nothing else is computed: blocks after the last wanted stage do not
/// run, nor the last norm, the pooling and the classifier where nobody asks for them.
struct OutputRequest {
  bool last_hidden_state = false;
  bool pooler_output = false;
  bool hidden_states = false;
  /// DiNAT: the hidden_states of DinatBackbone, which are those before each downsampler, instead of
  /// DinatModel's, which are those after it.
  bool before_downsampling = false;
  bool reshaped_hidden_states = false;  // DiNAT only
  bool attentions = false;              // costs another product of queries and keys per block
  bool feature_maps = false;            // of the stages that ModelConfig::backbone names
  bool logits = false;
  /// Brings `loss`. i32 or i64 [B]: classes, -100 is left out; floats [B] or [B, K] otherwise.
  Tensor labels;

  bool wants_classifier() const { return logits || labels.defined(); }
  bool wants_pooling() const { return pooler_output || wants_classifier(); }
  bool wants_last_norm() const { return last_hidden_state || wants_pooling(); }
  bool wants_all_stages() const {
    return hidden_states || reshaped_hidden_states || attentions || wants_last_norm();
  }
};

/// The request, and what it brought: tensors on the CPU, of the activations' dtype where no other
/// is named; `acc` is its accumulator_of. B images, C channels, H W map, T = 1 + R + N tokens
/// (class token, registers, patches), D channels, A heads.
struct Outputs {
  OutputRequest request;

  Tensor last_hidden_state;  // after the last norm. DiNAT [B, H, W, C], DINOv2 [B, T, D]
  Tensor pooler_output;      // acc. DiNAT [B, C]: mean of the above; DINOv2 [B, D]: its class token
  /// Without the last norm. DiNAT, 1 + levels: after the tokenizer, after each level with its
  /// downsampler, [B, H, W, C]. DINOv2, 1 + layers: embeddings, each layer, [B, T, D].
  std::vector<Tensor> hidden_states;
  std::vector<Tensor> reshaped_hidden_states;  // the same as [B, C, H, W]
  /// Softmax probabilities, acc. DiNAT: of the last block of each level, [B, A, H, W, K * K] of the
  /// padded map. DINOv2: of every layer, times head_mask, [B, A, T, T].
  std::vector<Tensor> attentions;
  /// In the order of the stages. DiNAT [B, C, H, W]: before the downsampler, through a norm of the
  /// stage's own. DINOv2 [B, D, h, w] of the patches, or [B, T, D] without reshape_hidden_states;
  /// through the last norm with apply_layernorm.
  std::vector<Tensor> feature_maps;
  Tensor logits;               // acc. [B, labels]
  std::optional<double> loss;  // as ModelConfig::problem_type has it (classification_loss.h)
};

/// Takes what a pass computes of its request. It stays on its device until collect(): a recorded
/// pass cannot wait for a copy, and what it computed is collected anew after each launch.
class OutputSink {
 public:
  /// Of a tensor on the CPU: what is handed over.
  using Finish = std::function<Tensor(const Tensor& on_cpu)>;

  explicit OutputSink(OutputRequest request) : request_(std::move(request)) {}

  const OutputRequest& request() const { return request_; }
  /// `finish` absent: the tensor itself.
  void keep(Tensor Outputs::*where, const Tensor& tensor, Finish finish = {}) {
    kept_.push_back({where, nullptr, tensor, std::move(finish)});
  }
  /// Behind what was kept there before.
  void keep(std::vector<Tensor> Outputs::*where, const Tensor& tensor, Finish finish = {}) {
    kept_.push_back({nullptr, where, tensor, std::move(finish)});
  }
  /// Waits for the device. Tensors of the CPU are shared with the pass.
  Outputs collect() const;

 private:
  struct Kept {
    Tensor Outputs::*one;
    std::vector<Tensor> Outputs::*many;
    Tensor tensor;
    Finish finish;
  };

  OutputRequest request_;
  std::vector<Kept> kept_;
};

/// Tokens [first, first + height * width) of each image as a map. x: [B, T, C] or [B, H, W, C], on
/// the CPU, first 0 -> [B, C, height, width].
Tensor channels_first(const Tensor& x, int64_t first, int64_t height, int64_t width);
/// Columns [0, count) of x: [B, C], on the CPU -> [B, count].
Tensor first_columns(const Tensor& x, int64_t count);

}  // namespace vicinity
