#pragma once

#include "autograd/ops/layer_norm.h"
#include "tests/reference/layer_norm.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

inline OpCase layer_norm_case(const Shape& shape, double eps = 1e-6, double scale = 1,
                              double offset = 0) {
  const Input parameter{.shape = {shape.dim(-1)}, .accumulator = true};
  return {.name = str("layer_norm ", shape, " scale ", scale, " offset ", offset),
          .inputs = {{.shape = shape, .scale = scale, .offset = offset}, parameter, parameter},
          .run =
              [eps](const auto& in) {
                return std::vector<Variable>{layer_norm(in[0], in[1], in[2], eps)};
              },
          .reference = [eps](const auto& in) -> std::vector<Tensor> {
            return {reference::layer_norm(in[0], in[1], in[2], eps)};
          }};
}

/// No vector width divides them, one row, one channel, equal values (variance 0), nothing at all.
inline std::vector<OpCase> layer_norm_cases() {
  return {layer_norm_case({1, 7}),      layer_norm_case({3, 5, 8}),
          layer_norm_case({33, 64}),    layer_norm_case({2, 3, 2, 130}),
          layer_norm_case({3, 65, 31}), layer_norm_case({1, 384}),
          layer_norm_case({3, 1030}),   layer_norm_case({5, 16}, 0.1, 0, 2.5),
          layer_norm_case({0, 12}),     layer_norm_case({4099, 3})};
}

/// Too far from zero for differences, not for a kernel that centres first.
inline std::vector<OpCase> layer_norm_far_cases() {
  return {layer_norm_case({3, 130}, 1e-5, 1, 1e4), layer_norm_case({35, 64}, 1e-5, 300, 1e4)};
}

}  // namespace vicinity::testing
