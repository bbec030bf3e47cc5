#include <algorithm>
#include <array>

#include "core/base/error.h"
#include "core/base/text.h"
#include "train/report/sections.h"

namespace vicinity {
namespace {

struct Phase {
  const char* name;
  double seconds;
};

constexpr size_t kPhases = 7;

std::array<Phase, kPhases> phases_of(const RunRecord& run) {
  std::array<Phase, kPhases> phases = {{{"waiting for images", run.total("time/wait_s")},
                                        {"forward", run.total("time/forward_s")},
                                        {"backward", run.total("time/backward_s")},
                                        {"update", run.total("time/update_s")},
                                        {"rest of the steps", run.total("time/steps_s")},
                                        {"evaluation", run.total("time/eval_s")},
                                        {"checkpoints", run.total("time/save_s")}}};
  for (size_t i = 0; i < 4; ++i) phases[4].seconds -= phases[i].seconds;
  phases[4].seconds = std::max(0.0, phases[4].seconds);
  return phases;
}

double sum_of(const std::array<Phase, kPhases>& phases) {
  double sum = 0;
  for (const Phase& phase : phases) sum += phase.seconds;
  return sum;
}

Html stack(const RunRecord& run) {
  const auto phases = phases_of(run);
  const double all = sum_of(phases);
  if (all <= 0) return element("p", {{"class", "none"}}, run.name + ": no times were recorded.");
  Html parts;
  for (size_t i = 0; i < kPhases; ++i) {
    const std::string width = format_fixed(100 * phases[i].seconds / all, 2);
    parts += element("i", {{"class", str("f", i)}, {"style", "width:" + width + "%"}}, "");
  }
  return element("div", run.name + ", " + format_seconds(all)) +
         element("div", {{"class", "stack"}, {"aria-hidden", "true"}}, parts);
}

Html phases_table(const std::vector<RunRecord>& runs) {
  std::vector<std::string> columns = {"phase"};
  for (const RunRecord& run : runs) {
    columns.push_back("#" + (runs.size() == 1 ? "time" : run.name));
    columns.emplace_back("#");
  }
  std::vector<std::vector<Html>> rows(kPhases);
  for (const RunRecord& run : runs) {
    const auto phases = phases_of(run);
    const double all = sum_of(phases);
    for (size_t i = 0; i < kPhases; ++i) {
      if (rows[i].empty())
        rows[i] = {element("span", {{"class", str("swatch f", i)}}, "") + phases[i].name};
      rows[i].emplace_back(format_seconds(phases[i].seconds));
      rows[i].emplace_back(all > 0 ? format_fixed(100 * phases[i].seconds / all, 1) + " %"
                                   : std::string("-"));
    }
  }
  return table("Where the time went", columns, rows);
}

LineChart chart(const std::vector<RunRecord>& runs, const char* id, const char* title,
                const char* unit, const char* metric) {
  LineChart result{.id = id, .title = title, .unit = unit, .zero_based = true};
  for (size_t r = 0; r < runs.size(); ++r)
    result.lines.push_back(
        {runs[r].name, static_cast<int>(r), Line::Style::steps, runs[r].curve(metric)});
  return result;
}

}  // namespace

Html timing_section(const std::vector<RunRecord>& runs) {
  Html phases;
  for (const RunRecord& run : runs) phases += stack(run);
  return section(
      "time", "Time and memory",
      element("div", {{"class", "charts"}},
              element("div", phases + phases_table(runs)) +
                  line_chart(chart(runs, "rate", "Images per second", "", "train/img_per_s")) +
                  line_chart(chart(runs, "wait", "Waiting for images", "%", "train/data_wait")) +
                  line_chart(chart(runs, "memory", "Most memory so far", "GiB", "train/mem_gib"))));
}

}  // namespace vicinity
