// Small models of both families, and a training step on one batch, for tests.
#pragma once

#include "autograd/ops/cross_entropy.h"
#include "models/registry.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

inline std::vector<std::string> class_names(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back("class " + std::to_string(i));
  return names;
}

/// Maps of 28 px images: 7x7 (window 3: slides, dilated by 2), 4x4, with layer scale.
inline ModelConfig tiny_dinat() {
  ModelConfig config;
  config.family = "dinat";
  config.labels = class_names(4);
  config.dinat.embed_dim = 16;
  config.dinat.depths = {2, 1};
  config.dinat.num_heads = {2, 4};
  config.dinat.kernel_size = 3;
  config.dinat.dilations = {{1, 2}, {1}};
  config.dinat.mlp_ratio = 2;
  config.dinat.drop_path_rate = 0;
  config.dinat.layer_scale_init_value = 0.5;
  return config;
}

/// 28 px images: a 4x4 grid of patches on a stored 5x5 table, two registers.
inline ModelConfig tiny_dinov2(bool swiglu = false) {
  ModelConfig config;
  config.family = "dinov2";
  config.labels = class_names(4);
  config.dinov2.hidden_size = 32;
  config.dinov2.num_hidden_layers = 2;
  config.dinov2.num_attention_heads = 2;
  config.dinov2.image_size = 35;
  config.dinov2.patch_size = 7;
  config.dinov2.num_register_tokens = 2;
  config.dinov2.position_interpolation = "antialias";
  config.dinov2.use_swiglu_ffn = swiglu;
  return config;
}

inline std::vector<std::pair<std::string, ModelConfig>> tiny_models() {
  return {{"dinat", tiny_dinat()}, {"dinov2", tiny_dinov2()}, {"dinov2_swiglu", tiny_dinov2(true)}};
}

/// A model ready for activations of `act`: f64 parameters for f64, else f32, with bf16 copies where
/// they are read. Weights are those of `seed`, but for every tensor that would start at a neutral
/// value noise is added, so that each matters.
inline std::unique_ptr<Model> tiny_model(const ModelConfig& config, DType act, uint64_t seed = 1) {
  auto model = make_model(config, accumulator_of(act));
  model->initialise(seed, "original");
  Tensor& value = model->store().value();
  const Tensor noise = random_tensor(value.shape(), seed + 1, 0.1);
  for (const Published& p : model->store().published()) {
    Tensor part = value.slice(p.offset, p.offset + p.size());
    add_(part, cast(noise.slice(p.offset, p.offset + p.size()), part.dtype()));
  }
  if (act == DType::bf16) model->store().enable_copies();
  return model;
}

struct TinyBatch {
  Tensor images;  // f64
  Tensor labels;
};
inline TinyBatch tiny_batch(int64_t count, int64_t size = 28) {
  std::vector<int32_t> labels;
  for (int64_t b = 0; b < count; ++b) labels.push_back(static_cast<int32_t>(b % 4));
  return {random_tensor({count, size, size, 3}, 5), tensor_of<int32_t>({count}, labels)};
}

struct StepResult {
  double loss;
  Tensor logits;
};
/// Mean cross-entropy; its gradients are left in the store.
inline StepResult forward_backward(Model& model, const TinyBatch& batch, const Pass& pass) {
  model.store().clear_grads();
  const Variable logits = model.logits(cast(batch.images, pass.act), pass);
  const Variable losses = cross_entropy(logits, {.first = batch.labels});
  const Variable loss = sum_scaled(losses, 1.0 / static_cast<double>(losses.dim(0)));
  backward(loss, full({1}, 1, loss.dtype()));
  return {cast(loss.value(), DType::f64).data<double>()[0], logits.value()};
}

}  // namespace vicinity::testing
