#pragma once

#include "autograd/ops/linear.h"
#include "tests/reference/linear.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

inline OpCase linear_case(const Shape& x, int64_t outputs, bool bias) {
  OpCase c;
  c.name = str("linear x ", x, " outputs ", outputs, bias ? " bias" : "");
  c.inputs = {{x}, {{outputs, x.dim(-1)}}};
  if (bias) c.inputs.push_back({{outputs}, true});
  c.run = [](const auto& in) {
    return std::vector<Variable>{linear(in[0], in[1], in.size() > 2 ? in[2] : Variable())};
  };
  c.reference = [](const auto& in) {
    return std::vector<Tensor>{reference::linear(in[0], in[1], in.size() > 2 ? in[2] : Tensor())};
  };
  return c;
}

/// One row, one input, one output, primes, rows that no number of chunks divides, vectors' ends.
inline std::vector<OpCase> linear_cases() {
  return {linear_case({1, 1}, 1, true),          linear_case({3, 7}, 5, false),
          linear_case({2, 3, 4, 16}, 24, true),  linear_case({1, 64}, 10, true),
          linear_case({517, 9}, 3, true),        linear_case({33, 1}, 2, true),
          linear_case({1031, 17}, 1, false),     linear_case({1, 1, 1, 13}, 31, true),
          linear_case({2, 263, 32}, 33, true),   linear_case({1279, 64}, 72, true),
          linear_case({2, 7, 127, 48}, 16, true)};
}

/// Weights that are turned, and wide gradients, whose tiles are cut at no multiple of a vector.
inline std::vector<OpCase> wide_linear_cases() {
  return {linear_case({1027, 21}, 19, true), linear_case({301, 150}, 141, false),
          linear_case({37, 131}, 1301, false), linear_case({45, 1190}, 193, false)};
}

}  // namespace vicinity::testing
