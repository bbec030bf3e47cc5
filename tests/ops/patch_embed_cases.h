#pragma once

#include "autograd/ops/patch_embed.h"
#include "tests/reference/patch_embed.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

inline OpCase patch_embed_case(const Shape& images, int64_t p, int64_t width) {
  OpCase c;
  c.name = str("patch_embed ", images, " patch ", p, " width ", width);
  c.inputs = {
      {.shape = images, .wants_grad = false}, {{width, p, p, images.dim(3)}}, {{width}, true}};
  c.run = [](const auto& in) {
    return std::vector<Variable>{patch_embed(in[0].value(), in[1], in[2])};
  };
  c.reference = [](const auto& in) {
    return std::vector<Tensor>{reference::patch_embed(in[0], in[1], in[2])};
  };
  return c;
}

/// One patch of one pixel, whole patches, pixels left over on one or both sides, rows that fill 4
/// and 16 bytes.
inline std::vector<OpCase> patch_embed_cases() {
  return {patch_embed_case({1, 1, 1, 1}, 1, 1),    patch_embed_case({2, 4, 6, 3}, 2, 5),
          patch_embed_case({1, 15, 17, 3}, 7, 11), patch_embed_case({2, 29, 28, 3}, 14, 24),
          patch_embed_case({3, 5, 9, 2}, 4, 1),    patch_embed_case({2, 33, 48, 3}, 16, 2),
          patch_embed_case({1, 7, 9, 8}, 3, 4)};
}

}  // namespace vicinity::testing
