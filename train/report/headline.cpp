#include <cmath>

#include "core/base/text.h"
#include "train/report/sections.h"
#include "train/run/run_directory.h"

namespace vicinity {
namespace {

std::string seconds_text(double seconds) { return seconds > 0 ? format_seconds(seconds) : "-"; }

double all_seconds(const RunRecord& run) {
  return run.total("time/steps_s") + run.total("time/eval_s") + run.total("time/save_s");
}

std::string when(const MetricsLine* line) {
  if (line == nullptr) return "no evaluation yet";
  return str("step ", format_count(line->step), ", epoch ", format_fixed(line->epoch, 1));
}

std::optional<double> top1(const MetricsLine* line) {
  if (line == nullptr) return std::nullopt;
  return value_of(*line, "val/top1");
}

std::string model_text(const RunRecord& run) {
  if (!run.config) return "unknown model";
  std::string text = run.config->model.architecture.title();
  if (run.parameters > 0) text += ", " + format_count(run.parameters) + " parameters";
  return text + str(", images of ", run.config->data.transform.image_size, " pixels");
}

std::string data_text(const RunRecord& run) {
  if (!run.config) return "unknown";
  const DataConfig& data = run.config->data.source;
  std::string text = data.root.empty() ? data.train + ", " + data.val : data.root;
  if (!run.classes.empty()) text += str(", ", run.classes.size(), " classes");
  const Evaluations found = evaluations_of(run);
  if (found.last != nullptr) {
    if (const auto images = value_of(*found.last, "val/images"))
      text += ", " + format_count(std::llround(*images)) + " validation images";
  }
  return text;
}

std::string steps_text(const RunRecord& run) {
  const int64_t planned = run.planned_steps();
  return format_count(run.last_step()) + (planned > 0 ? " of " + format_count(planned) : "");
}

Html state(const RunRecord& run) {
  if (run.metrics.empty())
    return element("p", {{"class", "warn"}},
                   "No step was recorded: the run ended before its first.");
  if (run.finished()) return {};
  return element("p", {{"class", "warn"}},
                 str("Not finished: recorded up to step ", steps_text(run),
                     ". To continue: ", resume_command(run.path)));
}

// Validation top-1 that was expected at this epoch, between two points of the curve.
std::optional<double> expected_at(const std::vector<Point>& curve, double epoch) {
  for (size_t i = 0; i < curve.size(); ++i) {
    if (curve[i].x == epoch) return curve[i].y;
    if (i == 0 || curve[i].x < epoch || curve[i - 1].x > epoch) continue;
    const double share = (epoch - curve[i - 1].x) / (curve[i].x - curve[i - 1].x);
    return curve[i - 1].y + share * (curve[i].y - curve[i - 1].y);
  }
  return std::nullopt;
}

// "dinat_mini_in1k: 81.80 % in the end (arXiv:2209.15001); at epoch 5 this run is 0.40 points above
// its curve"
std::string recipe_text(const RunRecord& run) {
  const RecipeSection& recipe = run.config->recipe;
  std::string text = recipe.name;
  if (recipe.top1 > 0) text += ": " + percent_text(recipe.top1) + " in the end";
  if (!recipe.source.empty()) text += " (" + recipe.source + ")";
  const MetricsLine* last = evaluations_of(run).last;
  if (last == nullptr || recipe.curve_epochs.empty()) return text;
  const std::optional<double> expected = expected_at(run.expected_curve(), last->epoch);
  if (!expected) return text;
  const double ahead = *top1(last) - *expected;
  return text + str("; at epoch ", short_number(last->epoch), " this run is ",
                    format_fixed(std::abs(ahead), 2), " points ", ahead < 0 ? "below" : "above",
                    " its curve");
}

Html figure(const std::string& name, const std::string& value, const std::string& remark) {
  return element(
      "div", {{"class", "fact"}},
      element("dt", name) + element("dd", element("b", value) + element("span", remark)));
}

Html one_run(const RunRecord& run) {
  const Evaluations found = evaluations_of(run);
  const double seconds = all_seconds(run);
  Html facts = figure("Best top-1", percent_text(top1(found.best)), when(found.best));
  facts += figure("Last top-1", percent_text(top1(found.last)), when(found.last));
  facts += figure("Steps", steps_text(run),
                  run.metrics.empty() ? "" : "epoch " + format_fixed(run.metrics.back().epoch, 2));
  facts += figure("Time", seconds_text(seconds), "steps, evaluations, checkpoints");
  Html about = element("dt", "Model") + element("dd", model_text(run));
  about += element("dt", "Data") + element("dd", data_text(run));
  if (run.config && !run.config->recipe.name.empty())
    about += element("dt", "Recipe") + element("dd", recipe_text(run));
  return state(run) + element("dl", {{"class", "facts"}}, facts) +
         element("dl", {{"class", "about"}}, about);
}

Html many_runs(const std::vector<RunRecord>& runs) {
  std::vector<std::vector<Html>> rows;
  Html states;
  for (const RunRecord& run : runs) {
    const Evaluations found = evaluations_of(run);
    rows.push_back({run.name, percent_text(top1(found.best)), percent_text(top1(found.last)),
                    steps_text(run), seconds_text(all_seconds(run)), model_text(run),
                    data_text(run)});
    const bool follows = run.config && !run.config->recipe.name.empty();
    if (follows) states += element("p", run.name + ", recipe " + recipe_text(run));
    if (!run.finished()) states += element("h3", run.name) + state(run);
  }
  return table("Runs", {"run", "#best top-1", "#last top-1", "#steps", "#time", "model", "data"},
               rows) +
         differing_settings(runs) + states;
}

}  // namespace

std::string percent_text(std::optional<double> percent) {
  return percent ? format_fixed(*percent, 2) + " %" : "-";
}

Html no_evaluation(const RunRecord& run) {
  return element("p", {{"class", "none"}},
                 str("There is no evaluation: '", run.path,
                     "/eval/eval.json' is written after each evaluation of a run."));
}

Html headline_section(const std::vector<RunRecord>& runs) {
  Html notes;
  for (const RunRecord& run : runs) {
    for (const std::string& note : run.notes)
      notes += element("p", {{"class", "warn"}}, run.name + ": " + note);
  }
  return section("result", "Result",
                 (runs.size() == 1 ? one_run(runs[0]) : many_runs(runs)) + notes);
}

}  // namespace vicinity
