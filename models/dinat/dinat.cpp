#include "models/dinat/dinat.h"

#include <algorithm>
#include <numeric>

#include "autograd/ops/reshape.h"
#include "autograd/ops/residual.h"
#include "autograd/ops/token_pool.h"
#include "core/ops/elementwise.h"

namespace vicinity {
namespace {

constexpr double kDefaultEps = 1e-5;  // of tokenizer and downsampler, whatever the config says

NeighborhoodWindow window_of(const DinatConfig& c, int level, int block) {
  return {c.num_heads[static_cast<size_t>(level)], c.kernel_size,
          c.dilations[static_cast<size_t>(level)][static_cast<size_t>(block)]};
}

// [B, H, W, C] -> [B, C, H, W].
Tensor map_first(const Tensor& map) { return channels_first(map, 0, map.dim(1), map.dim(2)); }

}  // namespace

DinatBlock::DinatBlock(const DinatConfig& c, int level, int block, double drop_rate, int64_t number)
    : attention_(c.width(level), window_of(c, level, block), c.qkv_bias),
      norm1_(c.width(level), c.layer_norm_eps),
      norm2_(c.width(level), c.layer_norm_eps),
      mlp_(c.width(level), static_cast<int64_t>(c.mlp_ratio * static_cast<double>(c.width(level))),
           parse_activation(c.hidden_act), "intermediate.dense", "output.dense"),
      layer_scale_({2, c.width(level)}, {Init::constant(c.layer_scale_init_value),
                                         Init::constant(c.layer_scale_init_value)}),
      has_layer_scale_(c.layer_scale_init_value > 0),
      drop_rate_(drop_rate),
      number_(number) {
  layer_scale_.used_by_rows();
}

Variable DinatBlock::layer_scale(int64_t row) const {
  return has_layer_scale_ ? layer_scale_.master_row(row) : Variable();
}

BlockState DinatBlock::operator()(const BlockState& state, const LayerNorm* next,
                                  const Pass& pass) const {
  const int64_t batch = state.x.dim(0);
  const Device device = state.x.value().device();
  const auto factors = [&](int64_t branch) {
    return drop_path_factors(pass, drop_rate_, 2 * number_ + branch, batch, device);
  };
  const ResidualVariables middle =
      residual(state.x, attention_(state.normed, pass), layer_scale(0), factors(0), norm2_.weight(),
               norm2_.bias(), norm2_.eps());
  const ResidualVariables end = residual(middle.sum, mlp_(middle.normed, pass), layer_scale(1),
                                         factors(1), next != nullptr ? next->weight() : Variable(),
                                         next != nullptr ? next->bias() : Variable(), norm1_.eps());
  return {end.sum, end.normed};
}

void DinatBlock::parameters(ParameterVisitor& v) {
  if (has_layer_scale_) v("layer_scale_parameters", layer_scale_);
  v("layernorm_before", norm1_);
  v("attention", attention_);
  v("layernorm_after", norm2_);
  v("", mlp_);
}

DinatLevel::DinatLevel(const DinatConfig& c, int level, const std::vector<double>& drop_rates,
                       int64_t first_block)
    : level_(level), downsamples_(level + 1 < c.levels()) {
  for (int block = 0; block < c.depths[static_cast<size_t>(level)]; ++block) {
    const int64_t number = first_block + block;
    blocks_.emplace_back(c, level, block, drop_rates[static_cast<size_t>(number)], number);
  }
  if (downsamples_) {
    reduction_ = Conv3x3(c.width(level), 2 * c.width(level), false);
    down_norm_ = LayerNorm(2 * c.width(level), kDefaultEps);
  }
}

Variable DinatLevel::operator()(const Variable& x, const Pass& pass) const {
  BlockState state{x, blocks_[0].first_norm()(x)};
  Pass inner = pass;
  inner.outputs = nullptr;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const LayerNorm* next = i + 1 < blocks_.size() ? &blocks_[i + 1].first_norm() : nullptr;
    const Pass& own = next == nullptr ? pass : inner;
    state = run_block(pass, state, [this, i, next, own](const BlockState& before) {
      return in_context(str("running encoder.levels.", level_, ".layers.", i),
                        [&] { return blocks_[i](before, next, own); });
    });
  }
  return state.x;
}

Variable DinatLevel::downsample(const Variable& x) const {
  return downsamples_ ? down_norm_(reduction_(x)) : x;
}

void DinatLevel::parameters(ParameterVisitor& v) {
  for (size_t i = 0; i < blocks_.size(); ++i) v("layers." + std::to_string(i), blocks_[i]);
  if (downsamples_) {
    v("downsample.reduction", reduction_);
    v("downsample.norm", down_norm_);
  }
}

Dinat::Dinat(const ModelConfig& config, const Storing& storing)
    : Model(config),
      tokenizer1_(config.dinat.num_channels, config.dinat.embed_dim / 2, true),
      tokenizer2_(config.dinat.embed_dim / 2, config.dinat.embed_dim, true),
      tokenizer_norm_(config.dinat.embed_dim, kDefaultEps) {
  const DinatConfig& c = config.dinat;
  const int64_t blocks = std::accumulate(c.depths.begin(), c.depths.end(), int64_t{0});
  std::vector<double> rates;
  for (int64_t b = 0; b < blocks; ++b) {
    rates.push_back(blocks > 1 ? c.drop_path_rate * static_cast<double>(b) /
                                     static_cast<double>(blocks - 1)
                               : 0);
  }
  int64_t first = 0;
  for (int level = 0; level < c.levels(); ++level) {
    levels_.emplace_back(c, level, rates, first);
    first += c.depths[static_cast<size_t>(level)];
  }
  const int64_t last = c.width(c.levels() - 1);
  norm_ = LayerNorm(last, c.layer_norm_eps);
  classifier_ = Linear(last, static_cast<int64_t>(config.labels.size()), true).on_means();
  if (config.backbone.built) stages_ = config.feature_stages();
  for (const int stage : stages_)
    stage_norms_.emplace_back(c.width(std::max(stage - 1, 0)), kDefaultEps);
  make_store([this](ParameterVisitor& v) { parameters(v); }, storing);
  for (const LayerNorm& norm : stage_norms_) {
    Tensor weight = norm.weight().value();  // files of the other classes do not have it
    fill_(weight, 1);
  }
}

void Dinat::keep_hidden(const Variable& x, const Pass& pass) const {
  const bool maps = pass.wants(&OutputRequest::reshaped_hidden_states);
  if (!maps && !pass.wants(&OutputRequest::hidden_states)) return;
  if (pass.wants(&OutputRequest::hidden_states))
    pass.outputs->keep(&Outputs::hidden_states, x.value());
  if (maps) pass.outputs->keep(&Outputs::reshaped_hidden_states, x.value(), map_first);
}

void Dinat::keep_features(int stage, const Variable& x, const Pass& pass) const {
  const auto found = std::find(stages_.begin(), stages_.end(), stage);
  if (!pass.wants(&OutputRequest::feature_maps) || found == stages_.end()) return;
  const LayerNorm& norm = stage_norms_[static_cast<size_t>(found - stages_.begin())];
  pass.outputs->keep(&Outputs::feature_maps, norm(x).value(), map_first);
}

Variable Dinat::encode(const Tensor& images, const Pass& pass) const {
  Variable x = tokenizer_norm_(tokenizer2_(tokenizer1_(images)));
  keep_features(0, x, pass);
  keep_hidden(x, pass);
  const int levels = pass.stages_to_run(config().stages(), stages_);
  const bool whole = levels == config().stages();
  for (int level = 0; level < levels; ++level) {
    const Variable map = levels_[static_cast<size_t>(level)](x, pass);
    keep_features(level + 1, map, pass);
    if (level + 1 == levels && !whole) return {};
    x = levels_[static_cast<size_t>(level)].downsample(map);
    keep_hidden(pass.wants(&OutputRequest::before_downsampling) ? map : x, pass);
  }
  if (!pass.wants_last_norm()) return {};
  x = norm_(x);
  if (pass.wants(&OutputRequest::last_hidden_state))
    pass.outputs->keep(&Outputs::last_hidden_state, x.value());
  if (!pass.wants_pooling()) return {};
  const Variable pooled =
      token_pool(reshape(x, {x.dim(0), x.dim(1) * x.dim(2), x.dim(3)}), 0, false);
  if (pass.wants(&OutputRequest::pooler_output))
    pass.outputs->keep(&Outputs::pooler_output, pooled.value());
  return pooled;
}

void Dinat::parameters(ParameterVisitor& v) {
  v("dinat.embeddings.patch_embeddings.projection.0", tokenizer1_);
  v("dinat.embeddings.patch_embeddings.projection.1", tokenizer2_);
  v("dinat.embeddings.norm", tokenizer_norm_);
  for (size_t i = 0; i < levels_.size(); ++i)
    v("dinat.encoder.levels." + std::to_string(i), levels_[i]);
  for (size_t i = 0; i < stages_.size(); ++i)
    v("dinat.hidden_states_norms." + stage_name(stages_[i]), stage_norms_[i]);
  v("dinat.layernorm", norm_);
  v("classifier", classifier_);
}

}  // namespace vicinity
