#pragma once

#include "autograd/ops/conv3x3.h"
#include "tests/reference/conv3x3.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

inline OpCase conv3x3_case(const Shape& x, int64_t outputs, bool bias, bool input_grad = true) {
  OpCase c;
  c.name = str("conv3x3 x ", x, " outputs ", outputs, bias ? " bias" : "");
  c.inputs = {{.shape = x, .wants_grad = input_grad}, {{outputs, 3, 3, x.dim(3)}}};
  if (bias) c.inputs.push_back({{outputs}, true});
  c.run = [](const auto& in) {
    return std::vector<Variable>{conv3x3(in[0], in[1], in.size() > 2 ? in[2] : Variable())};
  };
  c.reference = [](const auto& in) {
    return std::vector<Tensor>{reference::conv3x3(in[0], in[1], in.size() > 2 ? in[2] : Tensor())};
  };
  return c;
}

/// One pixel, odd and even sides, one row, images, several images, channels that fill no vector,
/// one and several.
inline std::vector<OpCase> conv3x3_cases() {
  return {conv3x3_case({1, 1, 1, 1}, 1, true),          conv3x3_case({2, 1, 1, 3}, 5, false),
          conv3x3_case({1, 2, 2, 4}, 3, true),          conv3x3_case({1, 1, 9, 2}, 7, true),
          conv3x3_case({2, 7, 1, 5}, 4, true),          conv3x3_case({1, 5, 8, 8}, 16, true),
          conv3x3_case({3, 15, 13, 3}, 8, true, false), conv3x3_case({2, 17, 22, 12}, 9, false),
          conv3x3_case({1, 6, 16, 3}, 2, false),        conv3x3_case({2, 9, 7, 8}, 3, false),
          conv3x3_case({1, 7, 6, 32}, 4, true),         conv3x3_case({1, 5, 5, 64}, 2, false)};
}

}  // namespace vicinity::testing
