#include "models/dinov2/dinov2.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/embed_tokens.h"
#include "autograd/ops/patch_embed.h"
#include "autograd/ops/position_interpolation.h"
#include "autograd/ops/residual.h"
#include "autograd/ops/token_pool.h"
#include "core/ops/transfer.h"

namespace vicinity {

Dinov2Embeddings::Dinov2Embeddings(const Dinov2Config& c) : config_(c) {
  const int64_t width = c.hidden_size, rows = 1 + c.positions_per_side() * c.positions_per_side();
  const Init tiny = Init::normal(1e-6), hf = Init::normal(0.02);
  const Init torch_default = Init::uniform(
      1 / std::sqrt(static_cast<double>(c.num_channels * c.patch_size * c.patch_size)));
  cls_ = Parameter({width}, {tiny, hf});
  cls_.published_as({1, 1, width});
  mask_ = Parameter({width}, {Init::constant(0), Init::constant(0)});
  mask_.published_as({1, width});
  registers_ = Parameter({std::max(c.num_register_tokens, 0), width}, {tiny, Init::constant(0)});
  registers_.published_as({1, c.num_register_tokens, width});
  // As large as what the patches bring: at 0.02 a short training hardly sees where a patch lies.
  const Init seen = Init::normal(0.5);
  positions_ = Parameter({rows, width}, {hf, hf, seen});
  positions_.published_as({1, rows, width});
  weight_ = Parameter({width, c.patch_size, c.patch_size, c.num_channels}, {torch_default, hf});
  weight_.stored_channels_last().used_in_products();
  bias_ = Parameter({width}, {torch_default, Init::constant(0)});
}

Variable Dinov2Embeddings::positions(int64_t height, int64_t width, const Pass& pass) const {
  const int64_t p = config_.patch_size, side = config_.positions_per_side();
  const int64_t grid_h = height / p, grid_w = width / p;
  if (height == width && grid_h * grid_w == side * side) return positions_.master();
  const auto interpolate = [&] {
    return interpolate_positions(positions_.master(), grid_h, grid_w,
                                 parse_position_mode(config_.position_interpolation));
  };
  if (pass.kept == nullptr) return interpolate();
  return pass.kept->once("positions", [&] { return interpolate().value(); });
}

Variable Dinov2Embeddings::operator()(const Tensor& images, const Pass& pass) const {
  const Tensor mask =
      pass.bool_masked_pos.defined() ? to_device(pass.bool_masked_pos, images.device()) : Tensor();
  const Variable patches = patch_embed(images, weight_.use(pass.act), bias_.master());
  return embed_tokens(patches, cls_.master(), positions(images.dim(1), images.dim(2), pass),
                      config_.num_register_tokens > 0 ? registers_.master() : Variable(),
                      mask.defined() ? mask_.master() : Variable(), mask);
}

void Dinov2Embeddings::parameters(ParameterVisitor& v) {
  v("cls_token", cls_);
  v("mask_token", mask_);
  if (config_.num_register_tokens > 0) v("register_tokens", registers_);
  v("position_embeddings", positions_);
  v("patch_embeddings.projection.weight", weight_);
  v("patch_embeddings.projection.bias", bias_);
}

Dinov2Block::Dinov2Block(const Dinov2Config& c, int64_t number)
    : norm1_(c.hidden_size, c.layer_norm_eps),
      norm2_(c.hidden_size, c.layer_norm_eps),
      attention_(c.hidden_size, c.num_attention_heads, c.qkv_bias),
      scale1_({c.hidden_size},
              {Init::constant(c.layerscale_value), Init::constant(c.layerscale_value)}),
      scale2_({c.hidden_size},
              {Init::constant(c.layerscale_value), Init::constant(c.layerscale_value)}),
      use_swiglu_(c.use_swiglu_ffn),
      drop_rate_(c.drop_path_rate),
      number_(number) {
  if (use_swiglu_) {
    swiglu_ = SwigluFfn(c.hidden_size, c.ffn_width());
  } else {
    mlp_ = Mlp(c.hidden_size, c.ffn_width(), parse_activation(c.hidden_act), "fc1", "fc2");
  }
}

BlockState Dinov2Block::operator()(const BlockState& state, const LayerNorm* next,
                                   const Pass& pass) const {
  const auto factors = [&](int64_t branch) {
    return drop_path_factors(pass, drop_rate_, 2 * number_ + branch, state.x.dim(0),
                             state.x.value().device());
  };
  const ResidualVariables middle =
      residual(state.x, attention_(state.normed, pass, number_), scale1_.master(), factors(0),
               norm2_.weight(), norm2_.bias(), norm2_.eps());
  const Variable branch = use_swiglu_ ? swiglu_(middle.normed, pass) : mlp_(middle.normed, pass);
  const ResidualVariables end = residual(middle.sum, branch, scale2_.master(), factors(1),
                                         next != nullptr ? next->weight() : Variable(),
                                         next != nullptr ? next->bias() : Variable(), norm1_.eps());
  return {end.sum, end.normed};
}

void Dinov2Block::parameters(ParameterVisitor& v) {
  v("norm1", norm1_);
  v("attention", attention_);
  v("layer_scale1.lambda1", scale1_);
  v("norm2", norm2_);
  if (use_swiglu_) {
    v("mlp", swiglu_);
  } else {
    v("mlp", mlp_);
  }
  v("layer_scale2.lambda1", scale2_);
}

Dinov2::Dinov2(const ModelConfig& config, const Storing& storing)
    : Model(config), embeddings_(config.dinov2) {
  const Dinov2Config& c = config.dinov2;
  for (int64_t i = 0; i < c.num_hidden_layers; ++i) blocks_.emplace_back(c, i);
  norm_ = LayerNorm(c.hidden_size, c.layer_norm_eps);
  classifier_ =
      Linear(2 * c.hidden_size, static_cast<int64_t>(config.labels.size()), true).on_means();
  make_store([this](ParameterVisitor& v) { parameters(v); }, storing);
}

void Dinov2::keep_stage(int stage, const Variable& x, const Tensor& images,
                        const Pass& pass) const {
  if (pass.wants(&OutputRequest::hidden_states))
    pass.outputs->keep(&Outputs::hidden_states, x.value());
  const std::vector<int> stages = config().feature_stages();
  const bool wanted = std::find(stages.begin(), stages.end(), stage) != stages.end();
  if (!wanted || !pass.wants(&OutputRequest::feature_maps)) return;
  const BackboneOutputs& backbone = config().backbone;
  const Tensor tokens = (backbone.apply_layernorm ? norm_(x) : x).value();
  if (!backbone.reshape_hidden_states) return pass.outputs->keep(&Outputs::feature_maps, tokens);
  const int64_t patch = config().dinov2.patch_size, height = images.dim(1) / patch,
                width = images.dim(2) / patch;
  pass.outputs->keep(&Outputs::feature_maps, tokens,
                     [first = prefix_tokens(), height, width](const Tensor& all) {
                       return channels_first(all, first, height, width);
                     });
}

const LayerNorm* Dinov2::norm_after(int layer, int layers, const Pass& pass) const {
  if (layer + 1 < layers) return &blocks_[static_cast<size_t>(layer) + 1].first_norm();
  return pass.wants_last_norm() ? &norm_ : nullptr;
}

Variable Dinov2::encode(const Tensor& images, const Pass& pass) const {
  BlockState state;
  state.x = embeddings_(images, pass);
  keep_stage(0, state.x, images, pass);
  const int layers = pass.stages_to_run(config().stages(), config().feature_stages());
  if (layers > 0) state.normed = blocks_[0].first_norm()(state.x);
  for (int i = 0; i < layers; ++i) {
    const LayerNorm* next = norm_after(i, layers, pass);
    state = run_block(pass, state, [this, i, next, pass](const BlockState& before) {
      return in_context(str("running encoder.layer.", i),
                        [&] { return blocks_[static_cast<size_t>(i)](before, next, pass); });
    });
    keep_stage(i + 1, state.x, images, pass);
  }
  if (!pass.wants_last_norm()) return {};
  if (pass.wants(&OutputRequest::last_hidden_state))
    pass.outputs->keep(&Outputs::last_hidden_state, state.normed.value());
  if (!pass.wants_pooling()) return {};
  const Variable pooled = token_pool(state.normed, prefix_tokens(), true);
  if (pass.wants(&OutputRequest::pooler_output)) {
    pass.outputs->keep(&Outputs::pooler_output, pooled.value(),
                       [width = config().dinov2.hidden_size](const Tensor& both) {
                         return first_columns(both, width);
                       });
  }
  return pooled;
}

void Dinov2::parameters(ParameterVisitor& v) {
  const std::string root =
      config().dinov2.num_register_tokens > 0 ? "dinov2_with_registers." : "dinov2.";
  v(root + "embeddings", embeddings_);
  for (size_t i = 0; i < blocks_.size(); ++i)
    v(root + "encoder.layer." + std::to_string(i), blocks_[i]);
  v(root + "layernorm", norm_);
  v("classifier", classifier_);
}

}  // namespace vicinity
