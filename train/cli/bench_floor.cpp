// vicinity bench floor: the least time that a training step takes on a device of given rates.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "train/cli/load_config.h"
#include "train/cli/verbs.h"
#include "train/run/step_on_paper.h"

namespace vicinity {
namespace {

struct Rates {
  double flops = 0, bytes = 0;  // per second
};

double rate_of(const Arguments& arguments, const char* option, const char* otherwise) {
  const std::string text = arguments.get(option, otherwise);
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  VIC_CHECK(UsageError, end != text.c_str() && *end == 0 && value > 0 && std::isfinite(value),
            option, " ", text, " is not a positive number");
  return 1e12 * value;
}

struct FloorLine {
  std::string op;
  int64_t calls = 0;
  Cost cost;
  double seconds = 0;  // what the slower of the two needs, arithmetic or memory
  bool by_bytes = false;
};

std::vector<FloorLine> floor_lines(const StepOnPaper& step, const Rates& rates) {
  std::vector<FloorLine> lines;
  for (const auto& [op, entry] : step.ops) {
    const double arithmetic = entry.cost.flops / rates.flops;
    const double memory = entry.cost.bytes / rates.bytes;
    lines.push_back(
        {op, entry.calls, entry.cost, std::max(arithmetic, memory), memory > arithmetic});
  }
  std::sort(lines.begin(), lines.end(),
            [](const FloorLine& a, const FloorLine& b) { return a.seconds > b.seconds; });
  return lines;
}

FloorLine sum_of(const std::vector<FloorLine>& lines) {
  FloorLine sum{.op = "all"};
  for (const FloorLine& line : lines) {
    sum.calls += line.calls;
    sum.cost.flops += line.cost.flops;
    sum.cost.bytes += line.cost.bytes;
    sum.seconds += line.seconds;
  }
  return sum;
}

void print_line(const FloorLine& line, double total) {
  const auto column = [](const std::string& text, size_t width) {
    return std::string(text.size() < width ? width - text.size() : 1, ' ') + text;
  };
  std::cout << line.op
            << column(std::to_string(line.calls), 42 - std::min<size_t>(line.op.size(), 36))
            << column(format_fixed(line.cost.flops / 1e9, 1), 11)
            << column(format_fixed(line.cost.bytes / 1e9, 3), 9)
            << column(format_fixed(1e3 * line.seconds, 3), 9)
            << column(format_fixed(100 * line.seconds / total, 1), 8) << " %";
  if (line.op != "all") std::cout << (line.by_bytes ? "  bytes" : "  FLOPs");
  std::cout << "\n";
}

}  // namespace

int bench_floor_verb(const Arguments& arguments) {
  refuse_positional(arguments, "bench floor");
  RunConfig config = load_run_config(arguments.all("--config"), arguments.overrides);
  if (config.model.architecture.labels.empty())
    config.model.architecture.labels.resize(1000, "class");
  const int64_t batch = config.train.batch;
  const Rates rates{rate_of(arguments, "--tflops", "790"), rate_of(arguments, "--tbytes", "4.3")};
  const std::vector<FloorLine> lines =
      floor_lines(plan_step(config, std::min(config.train.micro_batch, batch)), rates);
  const FloorLine sum = sum_of(lines);
  const double images_per_s = static_cast<double>(batch) / sum.seconds;
  if (arguments.has("--json")) {
    for (const FloorLine& line : lines) {
      std::cout << nlohmann::ordered_json{{"op", line.op},
                                          {"calls", line.calls},
                                          {"gflop", line.cost.flops / 1e9},
                                          {"gbyte", line.cost.bytes / 1e9},
                                          {"ms", 1e3 * line.seconds}}
                       .dump()
                << "\n";
    }
    return 0;
  }
  std::cout << "op                                    calls      GFLOP       GB       ms     share "
               " bound by\n";
  for (const FloorLine& line : lines) print_line(line, sum.seconds);
  print_line(sum, sum.seconds);
  std::cout << config.model.architecture.title() << ", " << batch << " images at "
            << config.data.transform.image_size << ": at most " << format_fixed(images_per_s, 0)
            << " images/s at " << format_fixed(rates.flops / 1e12, 0) << " TFLOP/s and "
            << format_fixed(rates.bytes / 1e12, 1) << " TB/s\n";
  return 0;
}

}  // namespace vicinity
