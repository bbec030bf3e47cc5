#pragma once

#include "tests/ops/neighborhood_attention_cases.h"

namespace vicinity::testing {

/// Dilation groups of at most 8 x 8 tokens, heads of 32: what core/cuda/neighborhood_dense.cuh
/// serves.
inline std::vector<OpCase> neighborhood_dense_cases() {
  return {neighborhood_case(3, 7, 7, 1, 32, 7, 1, true),
          neighborhood_case(2, 7, 7, 2, 32, 7, 1, false),
          neighborhood_case(1, 7, 7, 3, 32, 7, 1, true),
          neighborhood_case(2, 7, 7, 16, 32, 7, 1, true),
          neighborhood_case(1, 14, 14, 2, 32, 7, 2, true),
          neighborhood_case(1, 15, 14, 2, 32, 7, 2, true),
          neighborhood_case(1, 16, 16, 2, 32, 7, 2, true),
          neighborhood_case(1, 23, 21, 1, 32, 7, 3, true),
          neighborhood_case(2, 8, 8, 1, 32, 3, 1, true),
          neighborhood_case(1, 8, 8, 2, 32, 5, 1, true),
          neighborhood_case(1, 14, 15, 1, 32, 5, 2, false),
          neighborhood_case(3, 6, 7, 2, 32, 3, 2, true)};
}

}  // namespace vicinity::testing
