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

/// Widths that CUDA spreads over threads in different ways, each with few rows and with more than
/// two blocks take at once.
inline std::vector<Shape> row_layout_shapes() {
  std::vector<Shape> shapes;
  for (const auto& [columns, rows] : std::vector<std::pair<int64_t, int64_t>>{{8, 203},
                                                                              {64, 203},
                                                                              {96, 101},
                                                                              {128, 101},
                                                                              {192, 53},
                                                                              {256, 53},
                                                                              {384, 37},
                                                                              {512, 37},
                                                                              {768, 19},
                                                                              {1024, 19},
                                                                              {1030, 37},
                                                                              {1536, 11}}) {
    shapes.push_back({1, 3, columns});
    shapes.push_back({rows, 1, columns});
  }
  shapes.push_back({2, 1, 1544});
  return shapes;
}

inline std::vector<OpCase> layer_norm_layout_cases() {
  std::vector<OpCase> cases;
  for (const Shape& shape : row_layout_shapes()) cases.push_back(layer_norm_case(shape));
  cases.push_back(layer_norm_case({26000, 8}));  // more rows than all blocks take at once
  return cases;
}

/// Too far from zero for differences, not for a kernel that centres first: an f32 mean of 1e4 is
/// off by up to 5e-4, variances of squares would be off by their own size.
inline std::vector<OpCase> layer_norm_far_cases() {
  std::vector<OpCase> cases = {layer_norm_case({3, 130}, 1e-5, 1, 1e4),
                               layer_norm_case({35, 64}, 1e-5, 300, 1e4)};
  for (OpCase& c : cases) c.f32_tolerance = 1e-3;
  return cases;
}

}  // namespace vicinity::testing
