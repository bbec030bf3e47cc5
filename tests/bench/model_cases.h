// The cases of tests/ops at the shapes that DiNAT-Tiny (levels 0 and 2) and ViT-S/14 have at 224
// px.
#pragma once

#include "tests/ops/activation_cases.h"
#include "tests/ops/attention_cases.h"
#include "tests/ops/conv3x3_cases.h"
#include "tests/ops/cross_entropy_cases.h"
#include "tests/ops/embed_tokens_cases.h"
#include "tests/ops/layer_norm_cases.h"
#include "tests/ops/linear_cases.h"
#include "tests/ops/neighborhood_attention_cases.h"
#include "tests/ops/patch_embed_cases.h"
#include "tests/ops/residual_cases.h"
#include "tests/ops/swiglu_cases.h"

namespace vicinity::testing {

struct OpCases {
  std::string name;  // of the op
  std::vector<OpCase> cases;
};

inline std::vector<OpCases> model_cases(int64_t b) {
  const ResidualParts all{true, true, true};
  return {
      {"linear",
       {linear_case({b, 56, 56, 64}, 192, true), linear_case({b, 14, 14, 256}, 768, true),
        linear_case({b, 257, 384}, 1536, true), linear_case({b, 257, 1536}, 384, true)}},
      {"conv3x3",
       {conv3x3_case({b, 224, 224, 3}, 32, true, false), conv3x3_case({b, 112, 112, 32}, 64, true),
        conv3x3_case({b, 28, 28, 128}, 256, false)}},
      {"patch_embed", {patch_embed_case({b, 224, 224, 3}, 14, 384)}},
      {"embed_tokens", {embed_tokens_case(b, 256, 384, 0, false)}},
      {"neighborhood_attention",
       {neighborhood_case(b, 56, 56, 2, 32, 7, 1, true),
        neighborhood_case(b, 56, 56, 2, 32, 7, 8, true),
        neighborhood_case(b, 14, 14, 8, 32, 7, 1, true),
        neighborhood_case(b, 14, 14, 8, 32, 7, 2, true)}},
      {"attention", {attention_case(b, 257, 6, 64)}},
      {"layer_norm", {layer_norm_case({b, 3136, 64}), layer_norm_case({b, 257, 384})}},
      {"residual", {residual_case({b, 3136, 64}, all), residual_case({b, 257, 384}, all)}},
      {"activation", {activation_case("gelu", Activation::gelu, {b, 257, 1536})}},
      {"swiglu", {swiglu_case({b, 257, 8192})}},
      {"cross_entropy",
       {cross_entropy_case("smoothed", 16 * b, 1000,
                           {.first = some_labels(16 * b, 1000, 3), .smoothing = 0.1})}},
  };
}

}  // namespace vicinity::testing
