#include "models/dinov2/dinov2.h"

#include <cmath>

#include "autograd/ops/embed_tokens.h"
#include "autograd/ops/patch_embed.h"
#include "autograd/ops/position_interpolation.h"
#include "autograd/ops/residual.h"
#include "autograd/ops/token_pool.h"

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
  weight_.stored_channels_last();
  bias_ = Parameter({width}, {torch_default, Init::constant(0)});
}

Variable Dinov2Embeddings::positions(int64_t height, int64_t width) const {
  const int64_t p = config_.patch_size, side = config_.positions_per_side();
  const int64_t grid_h = height / p, grid_w = width / p;
  if (height == width && grid_h * grid_w == side * side) return positions_.master();
  return interpolate_positions(positions_.master(), grid_h, grid_w,
                               parse_position_mode(config_.position_interpolation));
}

Variable Dinov2Embeddings::operator()(const Tensor& images, const Tensor& mask,
                                      const Pass& pass) const {
  const Variable patches = patch_embed(images, weight_.use(pass.act), bias_.master());
  return embed_tokens(patches, cls_.master(), positions(images.dim(1), images.dim(2)),
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

Dinov2Block::State Dinov2Block::operator()(const State& state, const LayerNorm& next,
                                           const Pass& pass) const {
  const auto factors = [&](int64_t branch) {
    return drop_path_factors(pass, drop_rate_, 2 * number_ + branch, state.x.dim(0),
                             state.x.value().device());
  };
  const ResidualVariables middle =
      residual(state.x, attention_(state.normed, pass), scale1_.master(), factors(0),
               norm2_.weight(), norm2_.bias(), norm2_.eps());
  const Variable branch = use_swiglu_ ? swiglu_(middle.normed, pass) : mlp_(middle.normed, pass);
  const ResidualVariables end = residual(middle.sum, branch, scale2_.master(), factors(1),
                                         next.weight(), next.bias(), next.eps());
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

Dinov2::Dinov2(const ModelConfig& config, DType dtype, Device device)
    : Model(config), embeddings_(config.dinov2) {
  const Dinov2Config& c = config.dinov2;
  for (int64_t i = 0; i < c.num_hidden_layers; ++i) blocks_.emplace_back(c, i);
  norm_ = LayerNorm(c.hidden_size, c.layer_norm_eps);
  classifier_ = Linear(2 * c.hidden_size, static_cast<int64_t>(config.labels.size()), true);
  make_store([this](ParameterVisitor& v) { parameters(v); }, dtype, device);
}

Variable Dinov2::logits(const Tensor& images, const Pass& pass) const {
  return masked_logits(images, {}, pass);
}

Variable Dinov2::masked_logits(const Tensor& images, const Tensor& mask, const Pass& pass) const {
  Dinov2Block::State state;
  state.x = embeddings_(images, mask, pass);
  state.normed = blocks_[0].first_norm()(state.x);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    if (pass.capture != nullptr) pass.capture->hidden_states.push_back(state.x.value());
    const LayerNorm& next = i + 1 < blocks_.size() ? blocks_[i + 1].first_norm() : norm_;
    state =
        in_context(str("running encoder.layer.", i), [&] { return blocks_[i](state, next, pass); });
  }
  const Variable pooled = token_pool(state.normed, 1 + config().dinov2.num_register_tokens, true);
  if (pass.capture != nullptr) {
    pass.capture->hidden_states.push_back(state.x.value());
    pass.capture->last_hidden_state = state.normed.value();
    pass.capture->pooled = pooled.value();
  }
  return classifier_(pooled, pass);
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
