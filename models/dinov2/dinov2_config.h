// Architecture of DINOv2's vision transformers, in the words of Hugging Face's Dinov2Config.
#pragma once

#include <string>

#include "core/config/fields.h"

namespace vicinity {

struct Dinov2Config {
  int hidden_size = 768;
  int num_hidden_layers = 12;
  int num_attention_heads = 12;
  double mlp_ratio = 4;
  std::string hidden_act = "gelu";
  double hidden_dropout_prob = 0;
  double attention_probs_dropout_prob = 0;
  double initializer_range = 0.02;
  double layer_norm_eps = 1e-6;
  int image_size = 518;
  int patch_size = 14;
  int num_channels = 3;
  bool qkv_bias = true;
  double layerscale_value = 1.0;
  double drop_path_rate = 0;
  bool use_swiglu_ffn = false;
  int num_register_tokens = 0;
  std::string position_interpolation = "hf437";

  template <class V>
  void fields(V& v) {
    v("hidden_size", hidden_size, "channels", between(1, 65536));
    v("num_hidden_layers", num_hidden_layers, "blocks", between(1, 1000));
    v("num_attention_heads", num_attention_heads, "attention heads", at_least(1));
    v("mlp_ratio", mlp_ratio, "hidden width of the MLP over hidden_size", greater_than(0),
      between(0, 1024));
    v("hidden_act", hidden_act, "nonlinearity of the MLP; SwiGLU has its own",
      one_of({"gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "selu", "silu", "swish"}));
    v("hidden_dropout_prob", hidden_dropout_prob, "dropout: training needs 0, inference has none",
      between(0, 1));
    v("attention_probs_dropout_prob", attention_probs_dropout_prob,
      "dropout of attention: training needs 0, inference has none", between(0, 1));
    v("initializer_range", initializer_range,
      "standard deviation of weights from scratch with model.init=hf", at_least(0));
    v("layer_norm_eps", layer_norm_eps, "added to the variance", greater_than(0));
    v("image_size", image_size, "pixels; fixes only the number of stored positions", at_least(1));
    v("patch_size", patch_size, "side of a patch, pixels", at_least(1));
    v("num_channels", num_channels, "channels of the images", between(1, 16));
    v("qkv_bias", qkv_bias, "query, key and value have biases");
    v("layerscale_value", layerscale_value, "start of the layer scale");
    v("drop_path_rate", drop_path_rate, "stochastic depth, the same in every block",
      between(0, 0.99));
    v("use_swiglu_ffn", use_swiglu_ffn, "SwiGLU instead of the MLP (giant)");
    v("num_register_tokens", num_register_tokens,
      "register tokens (Darcet et al. 2023); 0 or 4 in published models", at_least(0));
    v("position_interpolation", position_interpolation, "how stored positions are resampled",
      one_of({"hf437", "size", "antialias"}));
  }
  /// Heads must divide the width, the patch the table's image.
  void check(Problems& problems) const;

  int64_t positions_per_side() const { return image_size / patch_size; }
  /// Hidden width of the MLP, or of SwiGLU: two thirds of it, rounded up to a multiple of 8.
  int64_t ffn_width() const;
};

}  // namespace vicinity
