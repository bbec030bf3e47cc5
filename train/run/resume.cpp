#include "train/run/resume.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/field_text.h"

namespace vicinity {
namespace {

// Of train.precision and data.*, what the state of the checkpoint is compared with besides.
const std::vector<std::string>& changeable() {
  static const std::vector<std::string> keys = {
      "data.root",        "data.train",          "data.val",        "data.source",
      "data.on_error",    "data.loader_threads", "device",          "threads",
      "train.epochs",     "train.steps",         "train.precision", "train.log_every",
      "train.eval_every", "train.save_every",    "train.keep_last", "train.cuda_graph",
      "train.on_nan",     "train.floor",         "train.nan_limit", "train.rank_timeout",
      "optim.lr",         "optim.weight_decay",  "optim.betas",     "optim.eps",
      "optim.momentum",   "optim.nesterov",      "optim.clip_grad", "sched.name",
      "sched.warmup",     "sched.final_lr",      "sched.warmup_lr", "sched.warmup_prefix",
      "sched.cooldown",   "optim.layer_decay",   "optim.no_decay",  "optim.freeze",
      "train.patience",   "model.weights",       "model.head",      "model.min_match"};
  return keys;
}

// Plain decimals where they read back: 0.0005 and not 5e-04.
std::string shown(const FieldRef& field) {
  double* const* number = std::get_if<double*>(&field.pointer);
  const std::string plain = number == nullptr ? "" : str(**number);
  return number != nullptr && std::stod(plain) == **number ? plain : field_text(field);
}

bool may_change(const std::string& key) {
  const auto& keys = changeable();
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

}  // namespace

std::vector<SettingChange> setting_changes(RunConfig before, RunConfig after) {
  const FieldList old_fields = fields_of(before), new_fields = fields_of(after);
  std::vector<SettingChange> changes;
  for (const FieldRef& to : new_fields.fields()) {  // another family has other fields
    const FieldRef* from = old_fields.find(to.path);
    const std::string was = from == nullptr ? "(not there)" : shown(*from);
    if (was != shown(to)) changes.push_back({to.path, was, shown(to)});
  }
  return changes;
}

void check_changes(const std::vector<SettingChange>& changes) {
  std::vector<std::string> refused;
  for (const SettingChange& change : changes)
    if (!may_change(change.key)) refused.push_back(change.text());
  VIC_CHECK(ConfigError, refused.empty(),
            "--resume continues a run with its own settings; these would make it another one:\n  ",
            join(refused, "\n  "),
            "\nLeave them out, or start a new run from its weights with model.weights=RUN");
}

void check_length(const std::vector<SettingChange>& changes, const TrainConfig& train) {
  const bool epochs = std::any_of(changes.begin(), changes.end(), [](const SettingChange& change) {
    return change.key == "train.epochs";
  });
  VIC_CHECK(
      ConfigError, !epochs || train.steps == 0, "train.steps = ", train.steps,
      " is the length of this run, beside which train.epochs does nothing; give train.steps=N, "
      "or add train.steps=0");
}

bool change_length(const std::vector<SettingChange>& changes) {
  return std::any_of(changes.begin(), changes.end(), [](const SettingChange& change) {
    return change.key == "train.epochs" || change.key == "train.steps" ||
           change.key == "train.patience";
  });
}

}  // namespace vicinity
