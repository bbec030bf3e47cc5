#pragma once

#include "autograd/ops/attention.h"
#include "tests/reference/attention.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

inline OpCase attention_case(int64_t batch, int64_t tokens, int64_t heads, int64_t dim,
                             double scale = 1) {
  return {.name = str("B ", batch, " N ", tokens, " heads ", heads, " d ", dim, " scale ", scale),
          .inputs = {{.shape = {batch, tokens, 3 * heads * dim}, .scale = scale}},
          .run = [heads](const auto& in) { return std::vector<Variable>{attention(in[0], heads)}; },
          .reference =
              [heads](const auto& in) {
                return std::vector<Tensor>{reference::attention(in[0], heads)};
              }};
}

/// One token, no multiple of anything, channels that fill no vector, more samples than threads.
inline std::vector<OpCase> attention_cases() {
  return {attention_case(1, 1, 1, 1), attention_case(2, 17, 3, 8), attention_case(3, 50, 2, 64),
          attention_case(1, 65, 1, 33), attention_case(20, 5, 2, 4)};
}

/// Each edge of the tiles: rows of 16 and 32, keys of 8, 16, 32 and 64, slices of 64 channels;
/// several blocks of one head; scores so far apart that maxima are found late.
inline std::vector<OpCase> attention_tile_cases() {
  std::vector<OpCase> cases;
  for (const int64_t tokens : {1, 2, 7, 9, 16, 17, 32, 33, 63, 64, 65, 130})
    cases.push_back(attention_case(1, tokens, 1, 64));
  for (const int64_t tokens : {2, 40, 81}) cases.push_back(attention_case(2, tokens, 3, 32));
  for (const int64_t dim : {3, 40, 65, 130}) cases.push_back(attention_case(2, 34, 2, dim));
  cases.push_back(attention_case(1, 201, 2, 32));
  cases.push_back(attention_case(1, 257, 1, 64));
  cases.push_back(attention_case(1, 261, 1, 32));
  cases.push_back(attention_case(1, 150, 1, 64, 3));
  cases.push_back(attention_case(1, 90, 2, 40, 3));
  for (const int64_t dim : {40, 64})  // denominators that exp cannot divide by
    cases.push_back(attention_case(8, 1, 4, dim, 8));
  return cases;
}

}  // namespace vicinity::testing
