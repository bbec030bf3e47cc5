// DINOv2 as the original repository and as timm name it.
#include "models/weights/names.h"

namespace vicinity {
namespace {

// What both have in common. timm kept the names of the original's ancestor.
std::vector<NameRule> common_rules() {
  return {
      {"embeddings.cls_token", "cls_token"},
      {"embeddings.position_embeddings", "pos_embed"},
      {"embeddings.patch_embeddings.projection.*", "patch_embed.proj.*"},
      {"encoder.layer.#.norm1.*", "blocks.#.norm1.*"},
      {"encoder.layer.#.attention.attention.query|key|value.*", "blocks.#.attn.qkv.*"},
      {"encoder.layer.#.attention.output.dense.*", "blocks.#.attn.proj.*"},
      {"encoder.layer.#.layer_scale1.lambda1", "blocks.#.ls1.gamma"},
      {"encoder.layer.#.norm2.*", "blocks.#.norm2.*"},
      {"encoder.layer.#.layer_scale2.lambda1", "blocks.#.ls2.gamma"},
      {"layernorm.*", "norm.*"},
  };
}

std::vector<NameRule> with(std::vector<NameRule> rules, const std::vector<NameRule>& more) {
  rules.insert(rules.end(), more.begin(), more.end());
  return rules;
}

}  // namespace

std::vector<NameRule> dinov2_original_rules() {
  return with(common_rules(), {
                                  {"embeddings.mask_token", "mask_token"},
                                  {"embeddings.register_tokens", "register_tokens"},
                                  {"encoder.layer.#.mlp.fc1.*", "blocks.#.mlp.fc1.*"},
                                  {"encoder.layer.#.mlp.fc2.*", "blocks.#.mlp.fc2.*"},
                                  {"encoder.layer.#.mlp.weights_in.*", "blocks.#.mlp.w12.*"},
                                  {"encoder.layer.#.mlp.weights_out.*", "blocks.#.mlp.w3.*"},
                                  {"classifier.*", "linear_head.*"},
                              });
}

std::vector<NameRule> dinov2_timm_rules(bool swiglu) {
  const std::vector<NameRule> rules =
      with(common_rules(), {{"embeddings.register_tokens", "reg_token"}});
  if (swiglu) {
    return with(rules, {{"encoder.layer.#.mlp.weights_in.*", "blocks.#.mlp.fc1.*"},
                        {"encoder.layer.#.mlp.weights_out.*", "blocks.#.mlp.fc2.*"}});
  }
  return with(rules, {{"encoder.layer.#.mlp.fc1.*", "blocks.#.mlp.fc1.*"},
                      {"encoder.layer.#.mlp.fc2.*", "blocks.#.mlp.fc2.*"}});
}

}  // namespace vicinity
