#pragma once

#include "autograd/ops/swiglu.h"
#include "tests/reference/swiglu.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

inline std::vector<OpCase> swiglu_cases() {
  std::vector<OpCase> cases;
  for (const Shape& shape :
       {Shape{1, 2}, Shape{3, 5, 14}, Shape{33, 48}, Shape{2, 1030}, Shape{37, 272}}) {
    cases.push_back(
        {.name = str("swiglu ", shape),
         .inputs = {{shape, false, 2.0}},
         .run = [](const auto& in) { return std::vector<Variable>{swiglu(in[0])}; },
         .reference =
             [](const auto& in) { return std::vector<Tensor>{reference::swiglu(in[0])}; }});
  }
  return cases;
}

}  // namespace vicinity::testing
