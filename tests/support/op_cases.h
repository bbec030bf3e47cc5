// One list of cases per op drives everything that is checked about it: gradients against central
// differences, each dtype against an independent fp64 reference, and equal bits on any number of
// threads.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "autograd/record.h"
#include "core/base/random.h"
#include "core/ops/elementwise.h"

namespace vicinity::testing {

/// One input of an op. `accumulator`: stays f32 where activations are bf16 (norm weights, biases,
/// tables).
struct Input {
  Shape shape;
  bool accumulator = false;
  double scale = 1;
  double offset = 0;
  bool wants_grad = true;
};

struct OpCase {
  std::string name;
  std::vector<Input> inputs;
  std::function<std::vector<Variable>(const std::vector<Variable>&)> run;
  /// Independent fp64 version (tests/reference/<op>.h): f64 tensors in, f64 outputs.
  std::function<std::vector<Tensor>(const std::vector<Tensor>&)> reference;
  double f32_tolerance = 1e-5;
  double bf16_tolerance = 6e-3;
  double bf16_grad_tolerance = 2e-2;
};

/// Standard normal values * scale + offset, a function of the seed.
inline Tensor random_tensor(const Shape& shape, uint64_t seed, double scale = 1,
                            double offset = 0) {
  Tensor x = empty(shape, DType::f64);
  Random random(seed, Purpose::test);
  for (int64_t i = 0; i < x.size(); ++i) x.data<double>()[i] = offset + scale * random.normal();
  return x;
}

/// ||a - b|| / ||b||; infinite if a is not finite. Any float dtypes.
inline double relative_error(const Tensor& a, const Tensor& b) {
  if (!(a.shape() == b.shape())) return INFINITY;
  const Tensor x = cast(a, DType::f64), y = cast(b, DType::f64);
  double difference = 0, norm = 0;
  for (int64_t i = 0; i < x.size(); ++i) {
    const double d = x.data<double>()[i] - y.data<double>()[i];
    if (!std::isfinite(d)) return INFINITY;
    difference += d * d;
    norm += y.data<double>()[i] * y.data<double>()[i];
  }
  return std::sqrt(difference) / std::max(std::sqrt(norm), 1e-30);
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0);
}

struct OpResult {
  std::vector<Tensor> outputs;
  std::vector<Tensor> grads;  // absent where not wanted
};

/// Values of the inputs of a case, in f64, representable in `dtype`.
inline std::vector<Tensor> input_values(const OpCase& c, DType dtype) {
  std::vector<Tensor> values;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    const Input& input = c.inputs[i];
    const Tensor x = random_tensor(input.shape, 17 * i + 1, input.scale, input.offset);
    const DType stored = input.accumulator ? accumulator_of(dtype) : dtype;
    values.push_back(cast(cast(x, stored), DType::f64));
  }
  return values;
}

/// Runs a case forward and back with fixed probes as output gradients.
inline OpResult run_case(const OpCase& c, const std::vector<Tensor>& values, DType dtype) {
  std::vector<Leaf> leaves;
  std::vector<Variable> variables;
  for (size_t i = 0; i < values.size(); ++i) {
    const DType stored = c.inputs[i].accumulator ? accumulator_of(dtype) : dtype;
    leaves.emplace_back(full(values[i].shape(), NAN, accumulator_of(dtype)));
    const Tensor x = cast(values[i], stored);
    variables.push_back(c.inputs[i].wants_grad ? leaves[i].use(x) : Variable(x));
  }
  OpResult result;
  const std::vector<Variable> outputs = c.run(variables);
  std::vector<Variable> parts;
  for (size_t i = 0; i < outputs.size(); ++i) {
    result.outputs.push_back(outputs[i].value());
    const Tensor probe = cast(random_tensor(outputs[i].shape(), 1000 + i), outputs[i].dtype());
    const Variable& y =
        outputs[i];  // L = sum over outputs of <y, probe>, all flowing into one scalar
    parts.push_back(record("probe", full({1}, 0, y.dtype()), {y},
                           [probe](const Tensor&, const Needs&) -> Grads { return {probe}; }));
  }
  const auto total = record("total", std::vector<Tensor>{full({1}, 0, dtype)}, parts,
                            [&parts](const Grads&, const Needs&) {
                              Grads ones;
                              for (const Variable& part : parts)
                                ones.push_back(full({1}, 1, part.dtype()));
                              return ones;
                            });
  if (total[0].needs_grad()) backward(total[0], full({1}, 1, dtype));
  for (size_t i = 0; i < leaves.size(); ++i) {
    result.grads.push_back(c.inputs[i].wants_grad && leaves[i].written() ? leaves[i].sink()
                                                                         : Tensor{});
  }
  return result;
}

/// sum over outputs of <output, probe>. `probes` is filled by the first call.
inline double probed_sum(const OpCase& c, const std::vector<Tensor>& values,
                         std::vector<Tensor>& probes) {
  std::vector<Variable> variables(values.begin(), values.end());
  const NoGrad no_grad;
  const std::vector<Variable> outputs = c.run(variables);
  double sum = 0;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (i == probes.size()) probes.push_back(random_tensor(outputs[i].shape(), 1000 + i));
    for (int64_t j = 0; j < probes[i].size(); ++j) {
      sum += probes[i].data<double>()[j] * outputs[i].value().data<double>()[j];
    }
  }
  return sum;
}

/// fp64: every gradient against central differences (all entries of small inputs, a fixed sample of
/// large ones).
inline void check_gradients(const std::vector<OpCase>& cases, double tolerance = 1e-6) {
  for (const OpCase& c : cases) {
    SCOPED_TRACE(c.name);
    std::vector<Tensor> values = input_values(c, DType::f64);
    const OpResult result = run_case(c, values, DType::f64);
    std::vector<Tensor> probes;
    for (size_t i = 0; i < values.size(); ++i) {
      if (!c.inputs[i].wants_grad) continue;
      ASSERT_TRUE(result.grads[i].defined()) << "no gradient arrived at input " << i;
      double* x = values[i].data<double>();
      const int64_t stride = std::max<int64_t>(1, values[i].size() / 40);
      double scale = 1e-3;
      for (int64_t j = 0; j < values[i].size(); ++j) {
        scale = std::max(scale, std::abs(result.grads[i].data<double>()[j]));
      }
      for (int64_t j = 0; j < values[i].size(); j += stride) {
        const double before = x[j], h = 1e-5 * std::max(1.0, std::abs(before));
        x[j] = before + h;
        const double up = probed_sum(c, values, probes);
        x[j] = before - h;
        const double down = probed_sum(c, values, probes);
        x[j] = before;
        EXPECT_NEAR(result.grads[i].data<double>()[j], (up - down) / (2 * h), tolerance * scale)
            << "input " << i << " element " << j;
      }
    }
  }
}

/// f64, f32 and bf16 against the reference; f32 and bf16 gradients against f64's.
inline void check_backends(const std::vector<OpCase>& cases) {
  for (const OpCase& c : cases) {
    SCOPED_TRACE(c.name);
    for (const DType dtype : {DType::f64, DType::f32, DType::bf16}) {
      SCOPED_TRACE(name_of(dtype));
      const std::vector<Tensor> values = input_values(c, dtype);
      const std::vector<Tensor> expected = c.reference(values);
      const OpResult exact = run_case(c, values, DType::f64), result = run_case(c, values, dtype);
      const bool half = dtype == DType::bf16, full_width = dtype == DType::f64;
      const double tolerance = full_width ? 1e-12 : half ? c.bf16_tolerance : c.f32_tolerance;
      const double grad_tolerance = full_width ? 1e-12
                                    : half     ? c.bf16_grad_tolerance
                                               : 5 * c.f32_tolerance;
      ASSERT_EQ(result.outputs.size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        EXPECT_LT(relative_error(result.outputs[i], expected[i]), tolerance) << "output " << i;
      }
      for (size_t i = 0; i < result.grads.size(); ++i) {
        if (!result.grads[i].defined()) continue;
        EXPECT_LT(relative_error(result.grads[i], exact.grads[i]), grad_tolerance)
            << "gradient " << i;
      }
    }
  }
}

/// f32 and bf16: outputs and gradients have the same bits with 1, 2 and 4 threads.
inline void check_threads(const std::vector<OpCase>& cases) {
  const int before = cpu().threads();
  for (const OpCase& c : cases) {
    SCOPED_TRACE(c.name);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const std::vector<Tensor> values = input_values(c, dtype);
      cpu().set_threads(1);
      const OpResult one = run_case(c, values, dtype);
      for (const int threads : {2, 4}) {
        cpu().set_threads(threads);
        const OpResult many = run_case(c, values, dtype);
        for (size_t i = 0; i < one.outputs.size(); ++i) {
          EXPECT_TRUE(same_bits(one.outputs[i], many.outputs[i]))
              << dtype << " output " << i << ", " << threads << " threads";
        }
        for (size_t i = 0; i < one.grads.size(); ++i) {
          if (!one.grads[i].defined()) continue;
          EXPECT_TRUE(same_bits(one.grads[i], many.grads[i]))
              << dtype << " gradient " << i << ", " << threads << " threads";
        }
      }
    }
  }
  cpu().set_threads(before);
}

}  // namespace vicinity::testing
