#pragma once

#include "autograd/ops/token_pool.h"
#include "tests/reference/token_pool.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

inline std::vector<OpCase> token_pool_cases() {
  std::vector<OpCase> cases;
  for (const Shape& shape : {Shape{1, 6, 1}, Shape{3, 5, 7}, Shape{2, 50, 130}, Shape{5, 262, 16},
                             Shape{3, 21, 392}, Shape{0, 6, 8}}) {
    for (const bool with_cls : {false, true}) {
      for (const int64_t first : {0, 1, 4}) {
        cases.push_back({.name = str("token_pool ", shape, " from ", first, with_cls ? " cls" : ""),
                         .inputs = {{.shape = shape}},
                         .run =
                             [=](const auto& in) {
                               return std::vector<Variable>{token_pool(in[0], first, with_cls)};
                             },
                         .reference =
                             [=](const auto& in) {
                               return std::vector<Tensor>{
                                   reference::token_pool(in[0], first, with_cls)};
                             },
                         .bf16_tolerance = 1e-5});  // the inputs are rounded, the mean is not
      }
    }
  }
  return cases;
}

}  // namespace vicinity::testing
