// Architecture of DiNAT (and of NAT, which is DiNAT with all dilations 1), in the words of Hugging
// Face's DinatConfig.
#pragma once

#include <string>
#include <vector>

#include "core/config/fields.h"

namespace vicinity {

struct DinatConfig {
  int patch_size = 4;
  int num_channels = 3;
  int embed_dim = 64;
  std::vector<int> depths = {3, 4, 6, 5};
  std::vector<int> num_heads = {2, 4, 8, 16};
  int kernel_size = 7;
  std::vector<std::vector<int>> dilations = {
      {1, 8, 1}, {1, 4, 1, 4}, {1, 2, 1, 2, 1, 2}, {1, 1, 1, 1, 1}};
  double mlp_ratio = 3.0;
  bool qkv_bias = true;
  double hidden_dropout_prob = 0;
  double attention_probs_dropout_prob = 0;
  double drop_path_rate = 0.1;
  std::string hidden_act = "gelu";
  double initializer_range = 0.02;
  double layer_norm_eps = 1e-5;
  double layer_scale_init_value = 0;

  template <class V>
  void fields(V& v) {
    v("patch_size", patch_size, "stride of the tokenizer; only 4 exists", one_of({4.0}));
    v("num_channels", num_channels, "channels of the images", between(1, 16));
    v("embed_dim", embed_dim, "channels of level 0, doubled at every level", between(2, 65536));
    v("depths", depths, "blocks per level", between(1, 1000));
    v("num_heads", num_heads, "attention heads per level", at_least(1));
    v("kernel_size", kernel_size, "odd side of the attention window, tokens", odd_at_least(3),
      between(3, 13));
    v("dilations", dilations, "distance between neighbours, one per block, one list per level",
      at_least(1));
    v("mlp_ratio", mlp_ratio, "hidden width of the MLP over the width of the level",
      greater_than(0), between(0, 1024));
    v("qkv_bias", qkv_bias, "query, key and value have biases");
    v("hidden_dropout_prob", hidden_dropout_prob, "dropout: training needs 0, inference has none",
      between(0, 1));
    v("attention_probs_dropout_prob", attention_probs_dropout_prob,
      "dropout of attention: training needs 0, inference has none", between(0, 1));
    v("drop_path_rate", drop_path_rate,
      "stochastic depth of the last block, growing linearly from 0", between(0, 0.99));
    v("hidden_act", hidden_act, "nonlinearity of the MLP",
      one_of({"gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "selu", "silu", "swish"}));
    v("initializer_range", initializer_range,
      "standard deviation of weights from scratch with model.init=hf", at_least(0));
    v("layer_norm_eps", layer_norm_eps, "added to the variance in the blocks and at the end",
      greater_than(0));
    v("layer_scale_init_value", layer_scale_init_value, "start of the layer scale; 0: none",
      at_least(0));
  }
  /// Lengths of the lists, widths that heads divide.
  void check(Problems& problems) const;

  int levels() const { return static_cast<int>(depths.size()); }
  int64_t width(int level) const { return int64_t{embed_dim} << level; }
};

/// Side of the map of a level for a square image: halved twice by the tokenizer, once by every
/// level before, rounded up.
int64_t map_size(int64_t image_size, int level);

}  // namespace vicinity
