#pragma once

#include "autograd/ops/neighborhood_attention.h"
#include "tests/reference/neighborhood_attention.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

inline OpCase neighborhood_case(int64_t batch, int64_t height, int64_t width, int64_t heads,
                                int64_t head_dim, int64_t kernel, int64_t dilation, bool bias) {
  const NeighborhoodWindow window{heads, kernel, dilation};
  OpCase c;
  c.name = str(batch, "x", height, "x", width, " heads ", heads, "x", head_dim, " kernel ", kernel,
               " dilation ", dilation, bias ? " bias" : "");
  c.inputs = {{{batch, height, width, 3 * heads * head_dim}}};
  if (bias) c.inputs.push_back({{heads, 2 * kernel - 1, 2 * kernel - 1}, true});
  c.run = [window](const auto& in) {
    return std::vector<Variable>{
        neighborhood_attention(in[0], in.size() > 1 ? in[1] : Variable(), window)};
  };
  c.reference = [window](const auto& in) {
    return std::vector<Tensor>{
        reference::neighborhood_attention(in[0], in.size() > 1 ? in[1] : Tensor(), window)};
  };
  return c;
}

inline std::vector<OpCase> neighborhood_attention_cases() {
  return {neighborhood_case(1, 3, 3, 1, 4, 3, 1, true),
          neighborhood_case(2, 6, 7, 1, 2, 3, 2, true),
          neighborhood_case(1, 5, 9, 2, 8, 5, 1, false),
          neighborhood_case(1, 7, 8, 2, 16, 7, 1, true),
          neighborhood_case(2, 15, 14, 1, 5, 7, 2, true),
          neighborhood_case(1, 13, 9, 3, 32, 3, 3, true),
          neighborhood_case(1, 9, 10, 1, 3, 9, 1, true),
          neighborhood_case(1, 13, 14, 1, 7, 13, 1, true),
          neighborhood_case(1, 11, 23, 1, 1, 11, 1, false),
          neighborhood_case(1, 10, 11, 2, 6, 5, 2, true),
          neighborhood_case(1, 4, 19, 1, 2, 3, 1, true),
          neighborhood_case(1, 5, 21, 1, 2, 5, 1, true),
          neighborhood_case(1, 8, 27, 1, 2, 7, 1, true),
          neighborhood_case(1, 3, 4, 1, 40, 3, 1, true)};
}

/// Heads of 32 channels, for which CUDA has kernels of their own: borders on all sides, groups of
/// unequal lengths, several tiles, tiles without a position (33 positions at dilation 2: 17 and
/// 16).
inline std::vector<OpCase> neighborhood_tile_cases() {
  return {neighborhood_case(1, 7, 8, 1, 32, 7, 1, true),
          neighborhood_case(1, 9, 13, 2, 32, 7, 1, false),
          neighborhood_case(2, 15, 14, 1, 32, 7, 2, true),
          neighborhood_case(1, 23, 13, 3, 32, 7, 1, true),
          neighborhood_case(1, 22, 23, 1, 32, 7, 3, true),
          neighborhood_case(1, 8, 38, 1, 32, 7, 1, true),
          neighborhood_case(2, 10, 17, 1, 32, 5, 1, true),
          neighborhood_case(1, 33, 6, 2, 32, 3, 2, true)};
}

/// The same for windows from 9 on, whose tiles are 4, 8 or 12 positions wide: maps of the window,
/// of one tile, of tiles of all sizes, groups of unequal lengths (25 positions at dilation 2: 13
/// and 12), queries that all see the keys of a tile (36 positions, window 13).
inline std::vector<OpCase> neighborhood_wide_cases() {
  return {neighborhood_case(1, 9, 9, 1, 32, 9, 1, true),
          neighborhood_case(2, 10, 12, 2, 32, 9, 1, false),
          neighborhood_case(1, 19, 21, 1, 32, 9, 2, true),
          neighborhood_case(1, 17, 33, 1, 32, 9, 1, true),
          neighborhood_case(3, 11, 11, 1, 32, 11, 1, true),
          neighborhood_case(1, 12, 12, 3, 32, 11, 1, true),
          neighborhood_case(1, 12, 29, 1, 32, 11, 1, false),
          neighborhood_case(1, 25, 23, 2, 32, 11, 2, true),
          neighborhood_case(1, 26, 15, 1, 32, 11, 1, true),
          neighborhood_case(1, 13, 13, 2, 32, 13, 1, true),
          neighborhood_case(1, 36, 14, 1, 32, 13, 1, true),
          neighborhood_case(1, 27, 28, 1, 32, 13, 2, true)};
}

}  // namespace vicinity::testing
