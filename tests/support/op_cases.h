// One list of cases per op drives everything that is checked about it: gradients against central
// differences, each dtype on the CPU and on CUDA (a GPU, or the kernels emulated) against an
// independent fp64 reference, and equal bits on any number of threads.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "autograd/record.h"
#include "core/base/random.h"
#include "core/ops/elementwise.h"
#include "core/ops/transfer.h"
#include "tests/support/schedule.h"

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

/// Whether tests can run on CUDA: on a GPU or, built with VICINITY_CUDA=emulated, without one.
inline bool cuda_is_there() { return why_no_cuda().empty(); }

/// Where tests can run.
inline std::vector<Device> test_devices() {
  return cuda_is_there() ? std::vector<Device>{kCpu, kCuda} : std::vector<Device>{kCpu};
}

/// The values of a tensor anywhere.
inline Tensor on_cpu_f64(const Tensor& x) { return cast(to_device(x, kCpu), DType::f64); }

/// ||a - b|| / ||b||; infinite if a is not finite. Any float dtypes.
inline double relative_error(const Tensor& a, const Tensor& b) {
  if (!(a.shape() == b.shape())) return INFINITY;
  const Tensor x = on_cpu_f64(a), y = on_cpu_f64(b);
  double difference = 0, norm = 0;
  for (int64_t i = 0; i < x.size(); ++i) {
    const double d = x.data<double>()[i] - y.data<double>()[i];
    if (!std::isfinite(d)) return INFINITY;
    difference += d * d;
    norm += y.data<double>()[i] * y.data<double>()[i];
  }
  return std::sqrt(difference) / std::max(std::sqrt(norm), 1e-30);
}

inline bool same_bits(const Tensor& left, const Tensor& right) {
  const Tensor a = to_device(left, kCpu), b = to_device(right, kCpu);
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

/// The inputs of a case as variables, and where their gradients arrive.
struct CaseInputs {
  std::vector<Leaf> leaves;
  std::vector<Variable> variables;
};

inline CaseInputs case_inputs(const OpCase& c, const std::vector<Tensor>& values, DType dtype,
                              Device device) {
  CaseInputs inputs;
  for (size_t i = 0; i < values.size(); ++i) {
    const DType stored = c.inputs[i].accumulator ? accumulator_of(dtype) : dtype;
    inputs.leaves.emplace_back(full(values[i].shape(), NAN, accumulator_of(dtype), device));
    const Tensor x = to_device(cast(values[i], stored), device);
    inputs.variables.push_back(c.inputs[i].wants_grad ? inputs.leaves[i].use(x) : Variable(x));
  }
  return inputs;
}

/// One fixed output gradient for each output, on its device.
inline std::vector<Tensor> probes_of(const std::vector<Variable>& outputs) {
  std::vector<Tensor> probes;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor probe = cast(random_tensor(outputs[i].shape(), 1000 + i), outputs[i].dtype());
    probes.push_back(to_device(probe, outputs[i].value().device()));
  }
  return probes;
}

/// Backward of L = sum over outputs of <y, probe>, all of them in one pass.
inline void backward_from(const std::vector<Variable>& outputs, const std::vector<Tensor>& probes) {
  const DType dtype = outputs[0].dtype();
  const Device device = outputs[0].value().device();
  std::vector<Variable> parts;
  for (size_t i = 0; i < outputs.size(); ++i) {
    parts.push_back(
        record("probe", full({1}, 0, outputs[i].dtype(), device), {outputs[i]},
               [probe = probes[i]](const Tensor&, const Needs&) -> Grads { return {probe}; }));
  }
  const auto total = record("total", std::vector<Tensor>{full({1}, 0, dtype, device)}, parts,
                            [&parts, device](const Grads&, const Needs&) {
                              Grads ones;
                              for (const Variable& part : parts)
                                ones.push_back(full({1}, 1, part.dtype(), device));
                              return ones;
                            });
  if (total[0].needs_grad()) backward(total[0], full({1}, 1, dtype, device));
}

/// Runs a case forward and back with fixed probes as output gradients.
inline OpResult run_case(const OpCase& c, const std::vector<Tensor>& values, DType dtype,
                         Device device = kCpu) {
  CaseInputs inputs = case_inputs(c, values, dtype, device);
  const std::vector<Variable> outputs = c.run(inputs.variables);
  backward_from(outputs, probes_of(outputs));
  OpResult result;
  for (const Variable& y : outputs) result.outputs.push_back(y.value());
  for (size_t i = 0; i < values.size(); ++i) {
    Leaf& leaf = inputs.leaves[i];
    result.grads.push_back(c.inputs[i].wants_grad && leaf.written() ? leaf.sink() : Tensor{});
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

/// Outputs against the reference, gradients against f64's.
inline void expect_agreement(const OpCase& c, const OpResult& result, DType dtype,
                             const std::vector<Tensor>& expected, const OpResult& exact) {
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
    EXPECT_LT(relative_error(result.grads[i], exact.grads[i]), grad_tolerance) << "gradient " << i;
  }
}

inline void expect_same_bits(const OpResult& a, const OpResult& b, const std::string& where) {
  for (size_t i = 0; i < a.outputs.size(); ++i) {
    EXPECT_TRUE(same_bits(a.outputs[i], b.outputs[i])) << where << " output " << i;
  }
  for (size_t i = 0; i < a.grads.size(); ++i) {
    if (!a.grads[i].defined()) continue;
    EXPECT_TRUE(same_bits(a.grads[i], b.grads[i])) << where << " gradient " << i;
  }
}

/// f64, f32 and bf16 on the CPU, f32 and bf16 on CUDA where it is there: twice for equal bits, and
/// emulated kernels the second time in another order of threads.
inline void check_backends(const std::vector<OpCase>& cases) {
  for (const OpCase& c : cases) {
    SCOPED_TRACE(c.name);
    for (const DType dtype : {DType::f64, DType::f32, DType::bf16}) {
      SCOPED_TRACE(name_of(dtype));
      const std::vector<Tensor> values = input_values(c, dtype);
      const std::vector<Tensor> expected = c.reference(values);
      const OpResult exact = run_case(c, values, DType::f64);
      expect_agreement(c, run_case(c, values, dtype), dtype, expected, exact);
      if (dtype == DType::f64 || !cuda_is_there()) continue;
      SCOPED_TRACE("cuda");
      const OpResult result = run_case(c, values, dtype, kCuda);
      expect_agreement(c, result, dtype, expected, exact);
      const Schedule another_order(1);
      expect_same_bits(result, run_case(c, values, dtype, kCuda), "again:");
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
        expect_same_bits(one, run_case(c, values, dtype), str(dtype, ", ", threads, " threads,"));
      }
    }
  }
  cpu().set_threads(before);
}

}  // namespace vicinity::testing
