// vicinity bench ops: single ops against what this machine can do at best.
#include <algorithm>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/base/random.h"
#include "core/base/text.h"
#include "core/cpu/dnnl.h"
#include "core/cpu/peak.h"
#include "core/cpu/transpose.h"
#include "core/ops/attention.h"
#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "core/ops/neighborhood_attention.h"
#include "train/cli/load_config.h"
#include "train/cli/timing.h"
#include "train/cli/verbs.h"

namespace vicinity {
namespace {

Tensor random_floats(const Shape& shape, DType dtype) {
  Tensor x = empty(shape, DType::f32);
  Random random(1, Purpose::test);
  for (int64_t i = 0; i < x.size(); ++i) x.data<float>()[i] = random.uniform() - 0.5f;
  return cast(x, dtype);
}

struct OpLine {
  std::string name;
  double gflops, share;
  double onednn_gflops = 0;  // products: oneDNN's own rate; 0: not compared
};

// Times `work`, which costs `flops`, against the peak of its dtype.
template <class Work>
OpLine measure(const std::string& name, double flops, double peak, Work&& work) {
  work();
  const double seconds = time_it(5, work).best;
  return {name, flops / seconds / 1e9, flops / seconds / 1e9 / peak};
}

// One result in several ways, in turns, so that what else the machine does meets all of them: the
// best of as many tries of `work` as of all the others together.
template <class Work>
OpLine measure_beside(const std::string& name, double flops, double peak, Work&& work,
                      const std::vector<std::function<void()>>& others) {
  constexpr int kTurns = 12;
  double best = 1e30, best_other = 1e30;
  for (int turn = 0; turn <= kTurns; ++turn) {
    for (const auto& other : others) {
      const double ours = time_it(1, work).best, theirs = time_it(1, other).best;
      if (turn == 0) continue;  // it made oneDNN's primitives
      best = std::min(best, ours);
      best_other = std::min(best_other, theirs);
    }
  }
  return {name, flops / best / 1e9, flops / best / 1e9 / peak, flops / best_other / 1e9};
}

struct Operand {
  const Tensor& x;
  bool transposed;
  int64_t rows() const { return x.dim(transposed ? 1 : 0); }
  int64_t cols() const { return x.dim(transposed ? 0 : 1); }
  kernels::Matrix matrix() const {
    return {x.raw(), x.dtype(), transposed ? 1 : x.dim(1), transposed ? x.dim(1) : 1};
  }
};

// a b as one oneDNN product, whatever that does to the bits: with the second operand as it lies,
// and transposed before.
std::vector<std::function<void()>> onednn_products(const Operand& a, const Operand& b, DType out) {
  const kernels::MatmulSize size{1, a.rows(), b.cols(), a.cols()};
  Tensor turned = empty({b.x.dim(1), b.x.dim(0)}, b.x.dtype());
  const auto fresh = [=] { return empty({size.m, size.n}, out); };
  return {[=] {
            const Tensor c = fresh();
            kernels::matmul(cpu(), size, a.matrix(), b.matrix(), Operand{c, false}.matrix());
          },
          [=]() mutable {
            kernels::transpose(cpu(), b.x, turned);
            const Operand other{turned, !b.transposed};
            const Tensor c = fresh();
            kernels::matmul(cpu(), size, a.matrix(), other.matrix(), Operand{c, false}.matrix());
          }};
}

void measure_products(std::vector<OpLine>& lines, DType dtype, double peak) {
  const int64_t shapes[][3] = {{2048, 2048, 2048}, {2056, 1536, 384}, {2056, 384, 1536},
                               {2056, 1152, 384},  {25088, 192, 64},  {25088, 64, 192},
                               {6272, 384, 128},   {1568, 768, 256},  {392, 1536, 512}};
  for (const auto& [rows, outputs, inputs] : shapes) {
    const Tensor x = random_floats({rows, inputs}, dtype),
                 w = random_floats({outputs, inputs}, dtype);
    const Tensor dy = random_floats({rows, outputs}, dtype);
    const double flops = 2.0 * static_cast<double>(rows * outputs * inputs);
    const std::string name = str(name_of(dtype), " product ", rows, " x ", outputs, " x ", inputs);
    lines.push_back(measure_beside(
        name + " forward", flops, peak, [&] { linear(x, w, Tensor()); },
        onednn_products({x, false}, {w, true}, dtype)));
    lines.push_back(measure_beside(
        name + " dX", flops, peak, [&] { linear_backward_input(dy, w); },
        onednn_products({dy, false}, {w, false}, dtype)));
    lines.push_back(measure_beside(
        name + " dW", flops, peak, [&] { linear_backward_weight(dy, x); },
        onednn_products({dy, true}, {x, false}, DType::f32)));
  }
}

void measure_attention(std::vector<OpLine>& lines, DType dtype, double peak) {
  const int64_t maps[][3] = {{56, 2, 1}, {56, 2, 8}, {28, 4, 1}, {28, 4, 4},
                             {14, 8, 1}, {14, 8, 2}, {7, 16, 1}};
  for (const auto& [side, heads, dilation] : maps) {
    const Tensor qkv = random_floats({8, side, side, heads * 96}, dtype),
                 dout = random_floats({8, side, side, heads * 32}, dtype);
    const Tensor rpb = random_floats({heads, 13, 13}, DType::f32);
    const NeighborhoodWindow window{heads, 7, dilation};
    const double flops = 4.0 * 8 * static_cast<double>(side * side * heads) * 32 * 49;
    const std::string name = str(name_of(dtype), " neighborhood_attention ", side, " x ", side,
                                 " heads ", heads, " dilation ", dilation);
    lines.push_back(
        measure(name + " forward", flops, peak, [&] { neighborhood_attention(qkv, rpb, window); }));
    lines.push_back(measure(name + " backward", 2.5 * flops, peak,
                            [&] { neighborhood_attention_backward(dout, qkv, rpb, window); }));
  }
  const Tensor qkv = random_floats({8, 257, 1152}, dtype),
               dout = random_floats({8, 257, 384}, dtype);
  const double flops = 4.0 * 8 * 257 * 257 * 384;
  lines.push_back(measure(str(name_of(dtype), " attention 257 tokens forward"), flops, peak,
                          [&] { attention(qkv, 6); }));
  lines.push_back(measure(str(name_of(dtype), " attention 257 tokens backward"), 2.5 * flops, peak,
                          [&] { attention_backward(dout, qkv, 6); }));
}

}  // namespace

int bench_ops_verb(const Arguments& arguments) {
  refuse_positional(arguments, "bench ops");
  const PeakRates peak = measure_peak(cpu());
  std::vector<OpLine> lines;
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const double best =
        dtype == DType::bf16 && peak.bf16_gflops > 0 ? peak.bf16_gflops : peak.f32_gflops;
    measure_products(lines, dtype, best);
    measure_attention(lines, dtype, best);
  }
  if (arguments.has("--json")) {
    for (const OpLine& line : lines) {
      nlohmann::ordered_json json{
          {"op", line.name}, {"gflops", line.gflops}, {"share_of_peak", line.share}};
      if (line.onednn_gflops > 0) json["onednn_gflops"] = line.onednn_gflops;
      std::cout << json.dump() << "\n";
    }
    return 0;
  }
  std::cout << "measured peak: f32 " << format_fixed(peak.f32_gflops, 0) << " GFLOP/s, bf16 "
            << format_fixed(peak.bf16_gflops, 0) << " GFLOP/s, copy "
            << format_fixed(peak.copy_gbytes, 0) << " GB/s, " << cpu().threads() << " threads\n";
  for (const OpLine& line : lines) {
    std::cout << line.name << std::string(line.name.size() < 64 ? 64 - line.name.size() : 1, ' ')
              << format_fixed(line.gflops, 0) << " GFLOP/s  " << format_fixed(100 * line.share, 0)
              << " %";
    if (line.onednn_gflops > 0)
      std::cout << "  (oneDNN " << format_fixed(line.onednn_gflops, 0) << ")";
    std::cout << "\n";
  }
  return 0;
}

}  // namespace vicinity
