// DiNAT and NAT as the original repository's classification code names them.
#include "models/weights/names.h"

namespace vicinity {

std::vector<NameRule> dinat_original_rules() {
  return {
      {"embeddings.patch_embeddings.projection.#.*", "patch_embed.proj.#.*"},
      {"embeddings.norm.*", "patch_embed.norm.*"},
      {"encoder.levels.#.layers.#.layernorm_before.*", "levels.#.blocks.#.norm1.*"},
      {"encoder.levels.#.layers.#.attention.self.query|key|value.*",
       "levels.#.blocks.#.attn.qkv.*"},
      {"encoder.levels.#.layers.#.attention.self.rpb", "levels.#.blocks.#.attn.rpb"},
      {"encoder.levels.#.layers.#.attention.output.dense.*", "levels.#.blocks.#.attn.proj.*"},
      {"encoder.levels.#.layers.#.layernorm_after.*", "levels.#.blocks.#.norm2.*"},
      {"encoder.levels.#.layers.#.intermediate.dense.*", "levels.#.blocks.#.mlp.fc1.*"},
      {"encoder.levels.#.layers.#.output.dense.*", "levels.#.blocks.#.mlp.fc2.*"},
      {"encoder.levels.#.layers.#.layer_scale_parameters", "levels.#.blocks.#.gamma1|gamma2"},
      {"encoder.levels.#.downsample.reduction.weight", "levels.#.downsample.reduction.weight"},
      {"encoder.levels.#.downsample.norm.*", "levels.#.downsample.norm.*"},
      {"layernorm.*", "norm.*"},
      {"classifier.*", "head.*"},
  };
}

}  // namespace vicinity
