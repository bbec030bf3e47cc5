// vicinity bench step: whole training and inference steps, against what this machine can do at
// best.
#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "autograd/record.h"
#include "core/base/random.h"
#include "core/base/text.h"
#include "core/cpu/peak.h"
#include "core/ops/normalize_images.h"
#include "core/ops/transfer.h"
#include "core/runtime/cuda_peak.h"
#include "core/runtime/on_device.h"
#include "core/runtime/plan.h"
#include "core/runtime/profile.h"
#include "models/inference_plan.h"
#include "models/registry.h"
#include "train/cli/load_config.h"
#include "train/cli/timing.h"
#include "train/cli/verbs.h"
#include "train/optim/make_optimizer.h"
#include "train/optim/param_groups.h"
#include "train/run/setup.h"
#include "train/tasks/classify.h"
#include "train/trainer.h"

namespace vicinity {
namespace {

// Programs loaded and configuration read included.
double seconds_since_process_start() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream words(text.substr(text.rfind(')') + 2));
  std::string word;
  for (int field = 3; field <= 22; ++field) words >> word;  // 22: starttime, in clock ticks
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) -
         std::stod(word) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

Tensor random_images(int64_t count, int64_t side, int64_t channels) {
  Tensor images = empty({count, side, side, channels}, DType::u8);
  Random random(0, Purpose::test);
  for (int64_t i = 0; i < images.size(); ++i)
    images.data<uint8_t>()[i] = static_cast<uint8_t>(random.next());
  return images;
}

// A network with everything around it that a step needs.
struct StepBench {
  RunConfig config;
  Device device;
  DType act;
  std::unique_ptr<Model> model;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<Classify> task;
  std::unique_ptr<Trainer> trainer;
  std::unique_ptr<InferencePlan> plan;
  Tensor images, labels;

  explicit StepBench(RunConfig c)
      : config(std::move(c)),
        device(device_of(config.device)),
        act(activation_dtype(config.train.precision, device)) {
    if (config.model.architecture.labels.empty())
      config.model.architecture.labels.resize(1000, "class");
    model = make_model(config.model.architecture, DType::f32, device);
    model->initialise(config.seed, config.model.init);
    if (act == DType::bf16) model->store().enable_copies();
    optimizer = make_optimizer(config.optim, model->store().value(), config.train.ema);
    task = std::make_unique<Classify>(*model, normalization_of(config.data.transform),
                                      config.train.smoothing, Mixing(config.train.mixing, 1000));
    make_trainer(config.train.cuda_graph);
    plan = std::make_unique<InferencePlan>(*model, OutputRequest{.logits = true}, act);
    images = random_images(config.train.batch, config.data.transform.image_size,
                           config.data.transform.channels());
    labels = tensor_of<int32_t>({config.train.batch},
                                std::vector<int32_t>(static_cast<size_t>(config.train.batch), 1));
  }

  void make_trainer(bool cuda_graph) {
    trainer = std::make_unique<Trainer>(
        *model, *task, *optimizer, trainable_ranges(*model, config.optim),
        Trainer::Settings{.act = act,
                          .seed = config.seed,
                          .micro_batch = std::min(config.train.micro_batch, config.train.batch),
                          .recompute = config.train.recompute == "block",
                          .cuda_graph = cuda_graph,
                          .schedule = {.peak_lr = 1e-4, .total_steps = 1000}});
  }

  void train() { trainer->step(images, labels); }
  Tensor normalised() const {
    const Normalization n = normalization_of(config.data.transform);
    return normalize_images(to_device(images, device), n.mean, n.std, act);
  }
  void infer() { (*plan)(normalised()); }
  void pass() { model->outputs(normalised(), {.logits = true}, {.act = act}); }
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
  model->logits(empty({1, side, side, architecture.num_channels()}, DType::f32, kPlan), Pass{});
  return plan().total().flops * static_cast<double>(config.train.batch) * (train ? 3 : 1);
}

// GFLOP/s that the device reaches at best in products of the step's dtype.
double peak_gflops(Device device, DType act) {
  if constexpr (kCudaBuilt) {
    if (device == kCuda) return 1e3 * measure_peak(cuda()).bf16_tflops;
  }
  const PeakRates peak = measure_peak(cpu());
  return act == DType::bf16 && peak.bf16_gflops > 0 ? peak.bf16_gflops : peak.f32_gflops;
}

// Of the process, or what it took from the GPU.
double peak_mb(Device device) {
  if constexpr (kCudaBuilt) {
    if (device == kCuda) return static_cast<double>(cuda().allocator().reserved()) / (1 << 20);
  }
  return peak_rss_mb();
}

struct Figures {
  std::string mode;
  double to_first_step = 0, to_its_end = 0;  // seconds since the process started
  Timing time;
  double peak_mb = 0, gflops = 0, peak_gflops = 0;
};

void print_json(const StepBench& bench, const Figures& f) {
  const auto batch = static_cast<double>(bench.config.train.batch);
  std::cout << nlohmann::ordered_json{{"what", f.mode},
                                      {"model", bench.model->config().title()},
                                      {"batch", bench.config.train.batch},
                                      {"device", name_of(bench.device)},
                                      {"precision", name_of(bench.act)},
                                      {"images_per_s", batch / f.time.best},
                                      {"images_per_s_median", batch / f.time.median},
                                      {"ms", 1e3 * f.time.best},
                                      {"gflops", f.gflops},
                                      {"share_of_peak", f.gflops / f.peak_gflops},
                                      {bench.device == kCuda ? "peak_gpu_mb" : "peak_rss_mb",
                                       f.peak_mb},
                                      {"start_to_first_step_s", f.to_first_step},
                                      {"start_to_end_of_first_step_s", f.to_its_end}}
                   .dump()
            << "\n";
}

void print_text(const StepBench& bench, const Figures& f) {
  const auto batch = static_cast<double>(bench.config.train.batch);
  std::cout << bench.model->config().title() << ", " << f.mode << ", batch "
            << bench.config.train.batch << ", " << bench.act << ": "
            << format_fixed(batch / f.time.best, 2) << " images/s (median "
            << format_fixed(batch / f.time.median, 2) << "), " << format_fixed(1e3 * f.time.best, 1)
            << " ms, " << format_fixed(f.gflops, 0) << " GFLOP/s, "
            << format_fixed(100 * f.gflops / f.peak_gflops, 0) << " % of the measured peak "
            << format_fixed(f.peak_gflops, 0) << "\n";
  if (f.mode == "train") {
    const PhaseSeconds& p = bench.trainer->phases();
    std::cout << "last step: forward " << format_fixed(1e3 * p.forward, 1) << " ms, backward "
              << format_fixed(1e3 * p.backward, 1) << ", update " << format_fixed(1e3 * p.update, 1)
              << "\n";
  }
  std::cout << "peak memory " << format_fixed(f.peak_mb, 0) << " MB; from the start of the process "
            << format_fixed(f.to_first_step, 2) << " s to the first step, "
            << format_fixed(f.to_its_end, 2) << " s to its end\n";
}

}  // namespace

int bench_step_verb(const Arguments& arguments) {
  refuse_positional(arguments, "bench step");
  RunConfig config = load_run_config(arguments.all("--config"), arguments.overrides);
  const std::string mode = arguments.get("--mode", "train");
  VIC_CHECK(UsageError, mode == "train" || mode == "infer" || mode == "pass", "--mode ", mode,
            ": there are train, infer and pass");
  if (config.threads > 0) cpu().set_threads(config.threads);
  StepBench bench(config);
  const auto step = [&] {
    if (mode == "train") return bench.train();
    mode == "infer" ? bench.infer() : bench.pass();
  };
  Figures f{.mode = mode, .to_first_step = seconds_since_process_start()};
  step();
  f.to_its_end = seconds_since_process_start();
  step();
  f.time = time_it(arguments.number("--steps", 5, 1), step);
  f.peak_mb = peak_mb(bench.device);
  f.gflops = flops_of(config, mode == "train") / f.time.best / 1e9;
  f.peak_gflops = peak_gflops(bench.device, bench.act);
  if (arguments.has("--json")) {
    print_json(bench, f);
    return 0;
  }
  print_text(bench, f);
  if (arguments.has("--ops")) {
    bench.make_trainer(/*cuda_graph=*/false);  // a recorded step is one launch and has no ops
    const auto op_by_op = [&] { mode == "train" ? bench.train() : bench.pass(); };
    op_by_op();
    profile().enable(true);
    op_by_op();
    profile().enable(false);
    print_profile();
  }
  return 0;
}

}  // namespace vicinity
