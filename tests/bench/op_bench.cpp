// Times the ops on the cases that check them: each is compared with its fp64 reference, then run
// forward and back. usage: op_bench [--device cuda] [--batch N] [--repeats N] [OP...]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "core/runtime/plan.h"
#include "tests/bench/model_cases.h"

namespace vicinity::testing {
namespace {

struct Options {
  Device device = kCpu;
  int64_t batch = 8;
  int repeats = 5;
  std::vector<std::string> ops;  // empty: all
};

struct Seconds {
  double forward = 1e30, backward = 1e30;  // the best of all repeats
};

double seconds_of(Device device, const std::function<void()>& work) {
  synchronize(device);
  const auto start = std::chrono::steady_clock::now();
  work();
  synchronize(device);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Seconds time_case(const OpCase& c, const std::vector<Tensor>& values, DType dtype,
                  const Options& options) {
  Seconds best;
  std::vector<Tensor> probes;
  for (int i = 0; i <= options.repeats; ++i) {  // the first one warms up
    CaseInputs inputs = case_inputs(c, values, dtype, options.device);
    std::vector<Variable> outputs;
    const double forward = seconds_of(options.device, [&] { outputs = c.run(inputs.variables); });
    if (probes.empty()) probes = probes_of(outputs);
    const double backward = seconds_of(options.device, [&] { backward_from(outputs, probes); });
    if (i == 0) continue;
    best = {std::min(best.forward, forward), std::min(best.backward, backward)};
  }
  return best;
}

// What forward and backward cost together, as the ops say it themselves.
Cost cost_of(const OpCase& c, const std::vector<Tensor>& values, DType dtype) {
  plan().reset();
  CaseInputs inputs = case_inputs(c, values, dtype, kPlan);
  const std::vector<Variable> outputs = c.run(inputs.variables);
  std::vector<Tensor> probes;
  for (const Variable& y : outputs) probes.push_back(empty(y.shape(), y.dtype(), kPlan));
  backward_from(outputs, probes);
  return plan().total();
}

bool agrees(const OpCase& c, const std::vector<Tensor>& values, DType dtype, Device device) {
  const OpResult result = run_case(c, values, dtype, device);
  const std::vector<Tensor> expected = c.reference(values);
  const double tolerance = dtype == DType::bf16 ? c.bf16_tolerance : c.f32_tolerance;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (!(relative_error(result.outputs[i], expected[i]) < tolerance)) return false;
  }
  return true;
}

bool bench_case(const OpCase& c, DType dtype, const Options& options) {
  const std::vector<Tensor> values = input_values(c, dtype);
  const bool right = agrees(c, values, dtype, options.device);
  const Seconds seconds = time_case(c, values, dtype, options);
  const Cost cost = cost_of(c, values, dtype);
  const double both = seconds.forward + seconds.backward;
  std::printf("%-58s %-5s %9.3f %9.3f %9.1f %9.1f  %s\n", c.name.c_str(), name_of(dtype),
              1e3 * seconds.forward, 1e3 * seconds.backward, cost.flops / both / 1e9,
              cost.bytes / both / 1e9, right ? "" : "WRONG");
  std::fflush(stdout);
  return right;
}

bool bench_op(const OpCases& op, const Options& options) {
  bool right = true;
  for (const OpCase& c : op.cases) {
    for (const DType dtype : {DType::f32, DType::bf16}) right &= bench_case(c, dtype, options);
  }
  return right;
}

Options options_of(int count, char** words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const bool more = i + 1 < count;
    if (word == "--device" && more) {
      options.device = std::string(words[++i]) == "cuda" ? kCuda : kCpu;
    } else if (word == "--batch" && more) {
      options.batch = std::atoll(words[++i]);
    } else if (word == "--repeats" && more) {
      options.repeats = std::atoi(words[++i]);
    } else {
      options.ops.push_back(word);
    }
  }
  return options;
}

int bench(const Options& options) {
  std::printf("%-58s %-5s %9s %9s %9s %9s\n", "case", "dtype", "fwd ms", "bwd ms", "GFLOP/s",
              "GB/s");
  bool right = true, any = false;
  for (const OpCases& op : model_cases(options.batch)) {
    const auto& wanted = options.ops;
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), op.name) == wanted.end())
      continue;
    any = true;
    right &= bench_op(op, options);
  }
  if (!any) std::fprintf(stderr, "op_bench: no such op; tests/bench/model_cases.h names them\n");
  return any && right ? 0 : 1;
}

}  // namespace
}  // namespace vicinity::testing

int main(int count, char** words) {
  return vicinity::testing::bench(vicinity::testing::options_of(count, words));
}
