#pragma once

#include "autograd/ops/swiglu.h"
#include "tests/reference/swiglu.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

inline OpCase swiglu_case(const Shape& shape) {
  return {
      .name = str("swiglu ", shape),
      .inputs = {{.shape = shape, .scale = 2}},
      .run = [](const auto& in) { return std::vector<Variable>{swiglu(in[0])}; },
      .reference = [](const auto& in) { return std::vector<Tensor>{reference::swiglu(in[0])}; }};
}

inline std::vector<OpCase> swiglu_cases() {
  return {swiglu_case({1, 2}), swiglu_case({3, 5, 14}), swiglu_case({33, 48}),
          swiglu_case({2, 1030}), swiglu_case({37, 272})};
}

}  // namespace vicinity::testing
