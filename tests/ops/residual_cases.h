#pragma once

#include "autograd/ops/residual.h"
#include "tests/ops/layer_norm_cases.h"
#include "tests/reference/residual.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

struct ResidualParts {
  bool gamma, factors, norm;
};

/// 0 for every third sample, 1.25 for the others.
inline Tensor drop_factors(int64_t samples, DType dtype) {
  std::vector<double> values;
  for (int64_t b = 0; b < samples; ++b) values.push_back(b % 3 == 1 ? 0 : 1.25);
  return cast(tensor_of<double>({samples}, values), dtype);
}

inline OpCase residual_case(const Shape& shape, ResidualParts parts, double eps = 1e-6) {
  const Input parameter{.shape = {shape.dim(-1)}, .accumulator = true};
  OpCase c;
  c.name = str("residual ", shape, parts.gamma ? " gamma" : "", parts.factors ? " factors" : "",
               parts.norm ? " norm" : "");
  c.inputs = {{shape}, {shape}};
  if (parts.gamma) c.inputs.push_back(parameter);
  if (parts.norm) c.inputs.insert(c.inputs.end(), {parameter, parameter});
  const size_t norm = parts.gamma ? 3 : 2;
  const int64_t samples = shape.dim(0);
  c.run = [=](const auto& in) -> std::vector<Variable> {
    const ResidualVariables out =
        residual(in[0], in[1], parts.gamma ? in[2] : Variable(),
                 parts.factors ? to_device(drop_factors(samples, accumulator_of(in[0].dtype())),
                                           in[0].value().device())
                               : Tensor(),
                 parts.norm ? in[norm] : Variable(), parts.norm ? in[norm + 1] : Variable(), eps);
    if (parts.norm) return {out.sum, out.normed};
    return {out.sum};
  };
  c.reference = [=](const auto& in) {
    return reference::residual(in[0], in[1], parts.gamma ? in[2] : Tensor(),
                               parts.factors ? drop_factors(samples, DType::f64) : Tensor(),
                               parts.norm ? in[norm] : Tensor(),
                               parts.norm ? in[norm + 1] : Tensor(), eps);
  };
  return c;
}

/// All eight sets of parts.
inline std::vector<OpCase> residual_part_cases(const Shape& shape) {
  std::vector<OpCase> cases;
  for (const bool gamma : {false, true}) {
    for (const bool factors : {false, true}) {
      for (const bool norm : {false, true})
        cases.push_back(residual_case(shape, {gamma, factors, norm}));
    }
  }
  return cases;
}

/// All parts at the widths of row_layout_shapes, and sets of parts where rows share a warp.
inline std::vector<OpCase> residual_layout_cases() {
  std::vector<OpCase> cases = residual_part_cases({3, 41, 64});
  for (const Shape& shape : row_layout_shapes())
    cases.push_back(residual_case(shape, {true, true, true}));
  return cases;
}

/// Sets of parts at an awkward shape, then all parts at shapes with an edge.
inline std::vector<OpCase> residual_cases() {
  std::vector<OpCase> cases = residual_part_cases({4, 3, 2, 21});
  for (const Shape& shape : {Shape{1, 7}, Shape{3, 8}, Shape{5, 7, 64}, Shape{2, 35, 130},
                             Shape{2, 1030}, Shape{0, 3, 8}, Shape{7, 293, 4}})
    cases.push_back(residual_case(shape, {true, true, true}));
  cases.push_back(residual_case({3, 1}, {true, true, true}, 0.1));
  return cases;
}

}  // namespace vicinity::testing
