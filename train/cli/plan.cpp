// vicinity plan: what a run will take and whether it can be, before it.
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/runtime/cpu.h"
#include "data/source/open.h"
#include "train/cli/load_config.h"
#include "train/cli/plan_text.h"
#include "train/cli/verbs.h"
#include "train/run/forecast.h"
#include "train/run/parts.h"
#include "train/run/step_times.h"

namespace vicinity {
namespace {

using Json = nlohmann::ordered_json;

struct Planned {
  RunConfig config;
  DataSets data;  // absent: the counts were given, or are not known
  DataCounts counts;
  Device device;
  Forecast forecast;
  std::optional<Schedule> schedule;  // where the length is known
  std::vector<LevelReach> levels;
  std::optional<StepTimes> probe;
  size_t peak_bytes = 0;  // of the process, once probed

  int64_t micro_batch() const { return std::min(config.train.micro_batch, config.train.batch); }
};

// In TFLOP; of small models, where that would be 0.000, in GFLOP.
std::string work_text(double flops, int digits) {
  return flops < 1e11 ? format_fixed(flops / 1e9, 3) + " GFLOP"
                      : format_fixed(flops / 1e12, digits) + " TFLOP";
}

void count_images(const Arguments& arguments, Planned& plan) {
  const DataConfig& source = plan.config.data.source;
  std::vector<std::string>& labels = plan.config.model.architecture.labels;
  if (!source.root.empty() || !source.train.empty()) {
    plan.data = open_data(source, plan.config.seed);
    plan.counts = {plan.data.train->size(), plan.data.val->size()};
    labels = plan.data.train->class_names();
    return;
  }
  plan.counts.train = arguments.number("--images", 0, 1);
  if (labels.empty()) labels.assign(1000, "class");
}

Planned make_plan(const Arguments& arguments) {
  Planned plan{.config = load_training_config(arguments.all("--config"), arguments.overrides)};
  if (plan.config.threads > 0) cpu().set_threads(plan.config.threads);
  plan.device = device_of(plan.config.device);
  check_trainable(plan.config.model.architecture);
  check_image_size(plan.config.model.architecture, plan.config.data.transform.image_size);
  count_images(arguments, plan);
  plan.forecast = forecast(plan.config, plan.counts);
  if (plan.counts.train > 0) plan.schedule = schedule_of(plan.config, plan.forecast.length);
  plan.levels = reach_of(plan.config.model.architecture, plan.config.data.transform.image_size);
  if (arguments.has("--probe")) {
    plan.probe = time_steps(plan.config, plan.data, 10);
    plan.peak_bytes = peak_resident_bytes();
  }
  return plan;
}

std::string bytes(size_t count) { return format_bytes(static_cast<double>(count)); }

void print_memory(const Planned& plan) {
  const MemoryForecast& memory = plan.forecast.memory;
  const size_t there = memory_of(plan.device);
  std::cout << "memory      " << bytes(memory.total()) << " at the peak, of " << bytes(there)
            << ": tensors " << bytes(memory.tensors) << ", libraries " << bytes(memory.libraries);
  if (plan.device == kCpu)
    std::cout << ", program " << bytes(memory.program) << ", loader " << bytes(memory.loader);
  std::cout << "\n";
  if (memory.total() <= there) return;
  const size_t rest = memory.total() - memory.tensors;
  const int64_t fits = there > rest ? largest_micro_batch(plan.config, there - rest) : 0;
  std::cout << "            does not fit; "
            << (fits > 0 ? str("train.micro_batch=", fits, " does, as may train.recompute=block")
                         : std::string("not even one image at a time does"))
            << "\n";
}

void print_time(const Planned& plan) {
  if (!plan.probe) {
    std::cout << "time        --probe takes it from 10 steps\n";
    return;
  }
  const double step = plan.probe->step_seconds;
  const Length& length = plan.forecast.length;
  std::cout << "time        " << format_fixed(step, 3) << " s a step, "
            << format_fixed(static_cast<double>(plan.config.train.batch) / step, 1) << " images/s";
  if (length.steps > 0) {
    std::cout << ", " << format_seconds(step * static_cast<double>(length.steps_per_epoch))
              << " an epoch, " << format_seconds(step * static_cast<double>(length.steps))
              << " in all, without evaluation";
  }
  std::cout << (plan.data.train == nullptr
                    ? std::string(" (of random images in memory)")
                    : str(", ", format_fixed(100 * plan.probe->wait_share, 1),
                          " % of it waiting for images"))
            << "\n";
  if (plan.device == kCpu)
    std::cout << "            " << bytes(plan.peak_bytes) << " was the peak of these steps\n";
}

void print_text(const Planned& plan) {
  const StepOnPaper& step = plan.forecast.step;
  const Length& length = plan.forecast.length;
  std::cout << plan.config.model.architecture.title() << ", " << format_count(step.parameters)
            << " parameters, " << plan.config.model.architecture.labels.size() << " classes\n";
  if (length.steps > 0) {
    std::cout << "data        " << format_count(plan.counts.train) << " training images, "
              << length.steps_per_epoch << " steps an epoch, " << format_count(length.steps)
              << " steps in all\n";
  }
  std::cout << "compute     " << describe_device(plan.device) << ", activations "
            << activation_dtype(plan.config.train.precision, plan.device) << ", batch "
            << plan.config.train.batch << ", " << plan.micro_batch() << " images at a time\n"
            << "arithmetic  " << format_fixed(step.forward_flops / 1e9, 3)
            << " GFLOP an image forward, " << work_text(step.step_flops, 3) << " a step";
  if (length.steps > 0) std::cout << ", " << work_text(plan.forecast.epoch_flops, 1) << " an epoch";
  std::cout << "\n";
  print_memory(plan);
  print_time(plan);
  std::cout << "disk        " << bytes(plan.forecast.checkpoint_bytes) << " a checkpoint, "
            << bytes(plan.forecast.disk_bytes) << " for " << plan.config.train.keep_last
            << ", the best and one being written\n";
  const int side = plan.config.data.transform.image_size;
  if (plan.levels.empty()) {
    std::cout << "attention   global: every block sees all " << side << " x " << side << " px\n";
  } else {
    std::cout << "attention   neighborhoods, kernel "
              << plan.config.model.architecture.dinat.kernel_size << ", of " << side << " x "
              << side << " px\n"
              << describe_reach(plan.levels, plan.config.model.architecture.dinat.kernel_size,
                                side);
  }
  if (plan.schedule) std::cout << "learning rate\n" << draw_schedule(*plan.schedule);
}

Json json_of(const Planned& plan) {
  const Forecast& f = plan.forecast;
  Json json{{"model", plan.config.model.architecture.title()},
            {"parameters", f.step.parameters},
            {"forward_flops_per_image", f.step.forward_flops},
            {"step_flops", f.step.step_flops},
            {"memory_bytes",
             {{"total", f.memory.total()},
              {"tensors", f.memory.tensors},
              {"program", f.memory.program},
              {"loader", f.memory.loader},
              {"libraries", f.memory.libraries},
              {"device", memory_of(plan.device)}}},
            {"checkpoint_bytes", f.checkpoint_bytes},
            {"disk_bytes", f.disk_bytes}};
  if (f.length.steps > 0) {
    json["images"] = plan.counts.train;
    json["steps_per_epoch"] = f.length.steps_per_epoch;
    json["steps"] = f.length.steps;
    json["epoch_flops"] = f.epoch_flops;
  }
  for (const LevelReach& level : plan.levels) {
    Json blocks = Json::array();
    for (const LevelReach::Block& block : level.blocks)
      blocks.push_back({{"dilation", block.dilation},
                        {"fits", level.fits(block)},
                        {"reach_tokens", block.reach}});
    json["levels"].push_back({{"level", level.level},
                              {"map", level.map},
                              {"stride", level.stride},
                              {"reach_pixels", level.reach},
                              {"blocks", blocks}});
  }
  if (plan.schedule) {
    for (int64_t i = 0; i <= 20; ++i) {
      const int64_t step = (f.length.steps - 1) * i / 20;
      json["schedule"].push_back({{"step", step}, {"lr", plan.schedule->at(step).lr}});
    }
  }
  if (plan.probe) {
    json["probe"] = {{"steps", plan.probe->steps},
                     {"step_seconds", plan.probe->step_seconds},
                     {"wait_share", plan.probe->wait_share},
                     {"peak_rss_bytes", plan.peak_bytes}};
    if (f.length.steps > 0)
      json["probe"]["epoch_seconds"] =
          plan.probe->step_seconds * static_cast<double>(f.length.steps_per_epoch);
  }
  return json;
}

}  // namespace

int plan_verb(const Arguments& arguments) {
  refuse_positional(arguments, "plan");
  const Planned plan = make_plan(arguments);
  if (arguments.has("--json")) {
    std::cout << json_of(plan).dump() << "\n";
  } else {
    print_text(plan);
  }
  check_small_maps(plan.config.model, plan.config.data.transform.image_size);
  return 0;
}

}  // namespace vicinity
