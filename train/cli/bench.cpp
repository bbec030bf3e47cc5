// vicinity bench: whole training and inference steps, and single ops, against what this machine can
// do at best.
#include <sys/resource.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "autograd/record.h"
#include "core/base/random.h"
#include "core/base/text.h"
#include "core/cpu/peak.h"
#include "core/ops/attention.h"
#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "core/ops/neighborhood_attention.h"
#include "core/ops/normalize_images.h"
#include "core/runtime/plan.h"
#include "core/runtime/profile.h"
#include "models/registry.h"
#include "train/cli/load_config.h"
#include "train/cli/verbs.h"
#include "train/run/setup.h"
#include "train/tasks/classify.h"
#include "train/trainer.h"

namespace vicinity {
namespace {

double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

Tensor random_images(int64_t count, int64_t side) {
  Tensor images = empty({count, side, side, 3}, DType::u8);
  Random random(0, Purpose::test);
  for (int64_t i = 0; i < images.size(); ++i)
    images.data<uint8_t>()[i] = static_cast<uint8_t>(random.next());
  return images;
}

Tensor random_floats(const Shape& shape, DType dtype) {
  Tensor x = empty(shape, DType::f32);
  Random random(1, Purpose::test);
  for (int64_t i = 0; i < x.size(); ++i) x.data<float>()[i] = random.uniform() - 0.5f;
  return cast(x, dtype);
}

// A network with everything around it that a step needs.
struct StepBench {
  RunConfig config;
  DType act;
  std::unique_ptr<Model> model;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<Classify> task;
  std::unique_ptr<Trainer> trainer;
  Tensor images, labels;

  explicit StepBench(RunConfig c)
      : config(std::move(c)), act(activation_dtype(config.train.precision)) {
    if (config.model.architecture.labels.empty())
      config.model.architecture.labels.resize(1000, "class");
    model = make_model(config.model.architecture, DType::f32);
    model->initialise(config.seed, config.model.init);
    if (act == DType::bf16) model->store().enable_copies();
    optimizer = make_optimizer(config.optim, model->store().value());
    task = std::make_unique<Classify>(*model, Normalization{}, config.train.smoothing);
    trainer = std::make_unique<Trainer>(
        *model, *task, *optimizer, param_ranges(model->store()),
        Trainer::Settings{.act = act,
                          .seed = config.seed,
                          .micro_batch = std::min(config.train.micro_batch, config.train.batch),
                          .schedule = {.peak_lr = 1e-4, .total_steps = 1000}});
    images = random_images(config.train.batch, config.data.transform.image_size);
    labels = tensor_of<int32_t>({config.train.batch},
                                std::vector<int32_t>(static_cast<size_t>(config.train.batch), 1));
  }

  void train() { trainer->step(images, labels); }
  void infer() {
    const NoGrad no_grad;
    const Normalization n;
    Pass pass;
    pass.act = act;
    model->logits(normalize_images(images, n.mean, n.std, act), pass);
  }
};

void print_profile() {
  std::cout << "op                                   calls      ms   GFLOP/s    GB/s\n";
  std::vector<std::pair<double, std::string>> rows;
  for (const auto& [op, e] : profile().by_op()) {
    std::string line = op + std::string(op.size() < 36 ? 36 - op.size() : 1, ' ');
    const auto column = [&](const std::string& text, size_t width) {
      line += std::string(text.size() < width ? width - text.size() : 1, ' ') + text;
    };
    column(std::to_string(e.calls), 6);
    column(format_fixed(1e3 * e.seconds, 2), 8);
    column(format_fixed(e.cost.flops / e.seconds / 1e9, 1), 10);
    column(format_fixed(e.cost.bytes / e.seconds / 1e9, 1), 8);
    rows.emplace_back(-e.seconds, line);
  }
  std::sort(rows.begin(), rows.end());
  for (const auto& [seconds, line] : rows) std::cout << line << "\n";
}

// FLOPs of one step, from the ops themselves.
double flops_of(const RunConfig& config, bool train) {
  ModelConfig architecture = config.model.architecture;
  if (architecture.labels.empty()) architecture.labels.resize(1000, "class");
  const auto model = make_model(architecture, DType::f32, kPlan);
  const int64_t side = config.data.transform.image_size;
  plan().reset();
  const NoGrad no_grad;
  model->logits(empty({1, side, side, 3}, DType::f32, kPlan), Pass{});
  return plan().total().flops * static_cast<double>(config.train.batch) * (train ? 3 : 1);
}

struct Timing {
  double best = 1e30, median = 0;
};

template <class Work>
Timing time_it(int64_t repeats, Work&& work) {
  std::vector<double> seconds;
  for (int64_t i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    seconds.push_back(seconds_since(start));
  }
  std::sort(seconds.begin(), seconds.end());
  return {seconds.front(), seconds[seconds.size() / 2]};
}

}  // namespace

int bench_step_verb(const Arguments& arguments) {
  refuse_positional(arguments, "bench step");
  RunConfig config = load_run_config(arguments.all("--config"), arguments.overrides);
  const std::string mode = arguments.get("--mode", "train");
  VIC_CHECK(UsageError, mode == "train" || mode == "infer", "--mode ", mode,
            ": there are train and infer");
  if (config.threads > 0) cpu().set_threads(config.threads);
  const double flops = flops_of(config, mode == "train");
  const PeakRates peak = measure_peak(cpu());
  StepBench bench(config);
  const auto step = [&] { mode == "train" ? bench.train() : bench.infer(); };
  for (int i = 0; i < 2; ++i) step();
  const Timing time = time_it(arguments.number("--steps", 5, 1), step);
  const double best_rate =
      bench.act == DType::bf16 && peak.bf16_gflops > 0 ? peak.bf16_gflops : peak.f32_gflops;
  const auto batch = static_cast<double>(config.train.batch);
  const double gflops = flops / time.best / 1e9;
  if (arguments.has("--json")) {
    std::cout << nlohmann::ordered_json{{"what", mode},
                                        {"model", bench.model->config().title()},
                                        {"batch", config.train.batch},
                                        {"precision", name_of(bench.act)},
                                        {"images_per_s", batch / time.best},
                                        {"images_per_s_median", batch / time.median},
                                        {"ms", 1e3 * time.best},
                                        {"gflops", gflops},
                                        {"share_of_peak", gflops / best_rate},
                                        {"peak_rss_mb", peak_rss_mb()}}
                     .dump()
              << "\n";
    return 0;
  }
  const PhaseSeconds& p = bench.trainer->phases();
  std::cout << bench.model->config().title() << ", " << mode << ", batch " << config.train.batch
            << ", " << bench.act << ": " << format_fixed(batch / time.best, 2)
            << " images/s (median " << format_fixed(batch / time.median, 2) << "), "
            << format_fixed(1e3 * time.best, 1) << " ms, " << format_fixed(gflops, 0)
            << " GFLOP/s, " << format_fixed(100 * gflops / best_rate, 0)
            << " % of the measured peak " << format_fixed(best_rate, 0) << "\n";
  if (mode == "train") {
    std::cout << "last step: forward " << format_fixed(1e3 * p.forward, 1) << " ms, backward "
              << format_fixed(1e3 * p.backward, 1) << ", update " << format_fixed(1e3 * p.update, 1)
              << "; peak memory " << format_fixed(peak_rss_mb(), 0) << " MB\n";
  }
  if (arguments.has("--ops")) {
    profile().enable(true);
    step();
    profile().enable(false);
    print_profile();
  }
  return 0;
}

namespace {

struct OpLine {
  std::string name;
  double gflops, share;
};

// Times `work`, which costs `flops`, against the peak of its dtype.
template <class Work>
OpLine measure(const std::string& name, double flops, double peak, Work&& work) {
  work();
  const double seconds = time_it(5, work).best;
  return {name, flops / seconds / 1e9, flops / seconds / 1e9 / peak};
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
    lines.push_back(measure(name + " forward", flops, peak, [&] { linear(x, w, Tensor()); }));
    lines.push_back(measure(name + " dX", flops, peak, [&] { linear_backward_input(dy, w); }));
    lines.push_back(measure(name + " dW", flops, peak, [&] { linear_backward_weight(dy, x); }));
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
      std::cout << nlohmann::ordered_json{{"op", line.name},
                                          {"gflops", line.gflops},
                                          {"share_of_peak", line.share}}
                       .dump()
                << "\n";
    }
    return 0;
  }
  std::cout << "measured peak: f32 " << format_fixed(peak.f32_gflops, 0) << " GFLOP/s, bf16 "
            << format_fixed(peak.bf16_gflops, 0) << " GFLOP/s, copy "
            << format_fixed(peak.copy_gbytes, 0) << " GB/s, " << cpu().threads() << " threads\n";
  for (const OpLine& line : lines) {
    std::cout << line.name << std::string(line.name.size() < 64 ? 64 - line.name.size() : 1, ' ')
              << format_fixed(line.gflops, 0) << " GFLOP/s  " << format_fixed(100 * line.share, 0)
              << " %\n";
  }
  return 0;
}

}  // namespace vicinity
