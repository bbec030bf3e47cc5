// vicinity doctor: does this machine compute what it should? Every op of each device, forward and
// back, in f32 and bf16, against the CPU's fp64 loops, which the tests hold to independent
// references.
#include <cmath>
#include <iostream>

#include "autograd/record.h"
#include "core/base/text.h"
#include "core/comm/nccl_stream.h"
#include "core/cpu/peak.h"
#include "core/ops/elementwise.h"
#include "core/ops/transfer.h"
#include "core/runtime/cuda_peak.h"
#include "core/runtime/on_device.h"
#include "train/cli/doctor_ops.h"
#include "train/cli/verbs.h"
#include "train/cli/version.h"

namespace vicinity {
namespace {

Tensor numbers(const Tensor& x) {
  if (x.dtype() != DType::i32) return x;
  const std::vector<int32_t> whole = values_of<int32_t>(x);
  return tensor_of<double>(x.shape(), {whole.begin(), whole.end()});
}

double error_of(const Tensor& a, const Tensor& b) {
  const Tensor x = cast(a, DType::f64), y = cast(b, DType::f64);
  double difference = 0, norm = 1e-300;
  for (int64_t i = 0; i < x.size(); ++i) {
    const double d = x.data<double>()[i] - y.data<double>()[i];
    if (std::isnan(d)) return INFINITY;
    difference += d * d;
    norm += y.data<double>()[i] * y.data<double>()[i];
  }
  return std::sqrt(difference / norm);
}

// Output and gradients of an op on the same (rounded) values.
std::vector<Tensor> results(const OpCheck& op, DType values_dtype, DType dtype, Device device) {
  std::vector<Leaf> leaves;
  std::vector<Variable> in;
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    const DType stored = op.accumulator[i] ? accumulator_of(dtype) : dtype;
    const Tensor rounded =
        op.accumulator[i] ? random_tensor(op.inputs[i], i)
                          : cast(cast(random_tensor(op.inputs[i], i), values_dtype), DType::f64);
    leaves.emplace_back(zeros(op.inputs[i], accumulator_of(dtype), device));
    in.push_back(leaves.back().use(to_device(cast(rounded, stored), device)));
  }
  const Variable y = op.run(in);
  const Tensor dy = cast(cast(random_tensor(y.shape(), 99), values_dtype), y.dtype());
  backward(y, to_device(dy, device));
  std::vector<Tensor> all = {to_device(y.value(), kCpu)};
  for (Leaf& leaf : leaves) all.push_back(to_device(leaf.sink(), kCpu));
  return all;
}

double worst_error(const OpCheck& op, DType dtype, Device device) {
  const std::vector<Tensor> exact = results(op, dtype, DType::f64, kCpu),
                            got = results(op, dtype, dtype, device);
  double worst = 0;
  for (size_t i = 0; i < exact.size(); ++i) worst = std::max(worst, error_of(got[i], exact[i]));
  return worst;
}

void print_column(const std::string& text, size_t width) {
  std::cout << text << std::string(width > text.size() ? width - text.size() : 1, ' ');
}

constexpr size_t kNameWidth = 46, kErrorWidth = 12;

void print_verdict(bool good) { std::cout << (good ? "agrees" : "DIFFERS") << std::endl; }

bool check_op(const OpCheck& op, Device device) {
  const double narrow = worst_error(op, DType::f32, device),
               half = worst_error(op, DType::bf16, device);
  const bool good = narrow < 1e-4 && half < 3e-2;
  print_column(op.name, kNameWidth);
  print_column(format_number(std::round(narrow * 1e9) / 1e9), kErrorWidth);
  print_column(format_number(std::round(half * 1e6) / 1e6), kErrorWidth);
  print_verdict(good);
  return good;
}

bool check_plain(const PlainCheck& op, Device device) {
  const std::vector<Tensor> expected = op.run(kCpu), got = op.run(device);
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i)
    worst = std::max(worst, error_of(numbers(got[i]), numbers(expected[i])));
  const bool good = worst < 1e-5;
  print_column(op.name, kNameWidth);
  print_column(format_number(std::round(worst * 1e9) / 1e9), 2 * kErrorWidth);
  print_verdict(good);
  return good;
}

// A line for each op; whether all agree.
bool check_ops(Device device) {
  bool healthy = true;
  std::cout << "\n";
  print_column(str("op on ", device, ", forward and gradients"), kNameWidth);
  std::cout << "f32 error   bf16 error\n";
  for (const OpCheck& op : differentiable_ops()) healthy = check_op(op, device) && healthy;
  if (device == kCpu) return healthy;
  for (const PlainCheck& op : plain_ops()) healthy = check_plain(op, device) && healthy;
  return healthy;
}

// What several GPUs speak.
std::string nccl_text() {
  if constexpr (kCudaBuilt) {
    try {
      return nccl_version();
    } catch (const DeviceError& error) {
      return "none: " + error.message();
    }
  }
  return "";
}

void print_cuda() {
  if constexpr (kCudaBuilt) {
    const cuda_api::DeviceInfo& info = cuda().info();
    const cuda_api::MemoryInfo memory = cuda_api::memory_info();
    const auto version = [](int v) { return str(v / 1000, ".", v % 1000 / 10); };
    const CudaPeak peak = measure_peak(cuda());
    std::cout << "GPU            " << info.name << ", compute capability " << info.major << "."
              << info.minor << ", " << info.multiprocessors
              << " multiprocessors; this program: " << cuda_api::built_architectures()
              << "\nGPU memory     " << format_bytes(static_cast<double>(memory.free))
              << " free of " << format_bytes(static_cast<double>(memory.total))
              << "\nCUDA           driver for " << version(cuda_api::driver_version())
              << ", runtime " << version(cuda_api::runtime_version()) << ", devices "
              << cuda_api::device_count() << "\nNCCL           " << nccl_text()
              << "\nmeasured peak  bf16 " << format_fixed(peak.bf16_tflops, 1) << " TFLOP/s, copy "
              << format_fixed(peak.copy_gbytes, 0) << " GB/s\n";
  }
}

}  // namespace

int doctor_verb(const Arguments& arguments) {
  refuse_positional(arguments, "doctor");
  std::cout << version_text();
  const PeakRates peak = measure_peak(cpu());
  std::cout << "threads        " << cpu().threads()
            << " (affinity and container quota)\nmeasured peak  f32 "
            << format_fixed(peak.f32_gflops, 0) << " GFLOP/s, bf16 "
            << format_fixed(peak.bf16_gflops, 0) << " GFLOP/s, copy "
            << format_fixed(peak.copy_gbytes, 0) << " GB/s\n";
  const std::string why = why_no_cuda();
  std::cout << (why.empty() ? "" : "GPU            none used: " + why + "\n");
  if (why.empty()) print_cuda();
  bool healthy = check_ops(kCpu);
  if (why.empty()) healthy = check_ops(kCuda) && healthy;
  std::cout << (healthy ? "all ops agree with the fp64 loops of the CPU\n"
                        : "some ops differ: do not trust results of this machine\n");
  return healthy ? 0 : static_cast<int>(ExitCode::device);
}

}  // namespace vicinity
