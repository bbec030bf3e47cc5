#include "core/config/config_reader.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/field_text.h"

namespace vicinity {
namespace {

// What other trainers call it, and what it is called here.
const std::vector<std::pair<std::string, std::string>> kAliases = {
    {"epochs", "train.epochs"},
    {"lr", "optim.lr"},
    {"learning_rate", "optim.lr"},
    {"batch", "train.batch"},
    {"batch_size", "train.batch"},
    {"imgsz", "data.image_size"},
    {"img_size", "data.image_size"},
    {"workers", "data.loader_threads"},
    {"num_workers", "data.loader_threads"},
    {"data", "data.root"},
    {"data_dir", "data.root"},
    {"dataset", "data.root"},
    {"amp", "train.precision"},
    {"fp16", "train.precision"},
    {"bf16", "train.precision"},
    {"opt", "optim.name"},
    {"optimizer", "optim.name"},
    {"optim", "optim.name"},
    {"sched", "sched.name"},
    {"wd", "optim.weight_decay"},
    {"grad_clip", "optim.clip_grad"},
    {"max_grad_norm", "optim.clip_grad"},
    {"scheduler", "sched.name"},
    {"warmup", "sched.warmup"},
    {"warmup_epochs", "sched.warmup"},
    {"warmup_steps", "sched.warmup"},
    {"drop_path", "model.drop_path_rate"},
    {"dropout", "train.head_dropout"},
    {"label_smoothing", "train.smoothing"},
    {"class_weight", "train.class_weights"},
    {"early_stopping", "train.patience"},
    {"pretrained", "model.weights"},
    {"mixup_alpha", "train.mixup"},
    {"cutmix_alpha", "train.cutmix"},
    {"mixup_prob", "train.mix_prob"},
    {"mixup_switch_prob", "train.mix_switch"},
    {"mixup_off_epoch", "train.mix_off_epoch"},
    {"reprob", "train.erase"},
    {"device", "device"},
};

// What other trainers have a key for, and how it is here.
const std::vector<std::pair<std::string, std::string>> kOtherwise = {
    {"num_classes", "the images tell the classes"},
    {"nb_classes", "the images tell the classes"},
    {"accum_iter", "train.batch is the whole batch, train.micro_batch how many images at a time"},
    {"gradient_accumulation_steps",
     "train.batch is the whole batch, train.micro_batch how many images at a time"},
    {"output_dir", "the folder of a run is --out DIR"},
    {"resume", "write --resume"},
};

std::string leaf_of(const std::string& path) { return path.substr(path.rfind('.') + 1); }

std::string section_of(const std::string& path) {
  const size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

std::string other_name_of(const std::string& key, const FieldList& fields) {
  for (const auto& [alias, path] : kAliases) {
    if (alias == leaf_of(key) && path != key && fields.find(path)) return path;
  }
  return "";
}

// The known path that an unknown key most likely means, or "".
std::string meant(const std::string& key, const FieldList& fields) {
  const std::string other = other_name_of(key, fields);
  if (!other.empty()) return other;
  std::vector<std::string> siblings;  // a slip of the finger keeps the section
  for (const FieldRef& field : fields.fields()) {
    if (field.path == leaf_of(key) || ends_with(field.path, "." + leaf_of(key))) return field.path;
    if (section_of(field.path) == section_of(key)) siblings.push_back(leaf_of(field.path));
  }
  const std::string sibling = nearest(leaf_of(key), siblings);
  return sibling.empty() ? nearest(key, fields.paths()) : join_path(section_of(key), sibling);
}

// " (...)", or "".
std::string advice(const std::string& key, const FieldList& fields) {
  for (const auto& [theirs, text] : kOtherwise)
    if (theirs == leaf_of(key)) return " (" + text + ")";
  const std::string near = fields.is_section(key) ? other_name_of(key, fields) : meant(key, fields);
  return near.empty() ? "" : " (did you mean '" + near + "'?)";
}

class Reader {
 public:
  Reader(const ConfigTree& tree, const ReadOptions& options) : tree_(tree), options_(options) {}

  // Assigns every field that the tree names; problems of an earlier round are forgotten.
  void assign_all(const FieldList& fields) {
    problems_.clear();
    failed_.clear();
    for (const FieldRef& field : fields.fields()) {
      if (const ConfigEntry* entry = tree_.find(field.path)) assign_one(field, *entry);
      if (field.is_map()) assign_map(field);
    }
  }

  std::vector<std::string> unknown_keys(const FieldList& fields) {
    std::vector<std::string> ignored;
    for (const ConfigEntry& entry : tree_.entries()) {
      if (is_known(entry, fields)) continue;
      if (options_.ignore_unknown) {
        ignored.push_back(entry.key);
      } else if (fields.is_section(entry.key)) {
        report(entry.origin, str(entry.key, " = ", entry.text, ": expected a section of keys",
                                 advice(entry.key, fields)));
      } else {
        report(entry.origin, str("unknown key '", entry.key, "'", advice(entry.key, fields)));
      }
    }
    return ignored;
  }

  void check(const FieldList& fields) {
    for (const FieldRef& field : fields.fields()) {
      const std::string message = violation(field);
      if (failed(field.path) || message.empty()) continue;
      report(origin_of(field.path), str(field.path, " = ", field_text(field), ": ", message));
      failed_.push_back(field.path);
    }
    if (!failed_.empty()) return;  // rules between fields assume that each is sound
    Problems problems;
    fields.check_sections(problems);
    for (const Problems::Problem& problem : problems.all()) {
      const FieldRef* field = fields.find(problem.path);
      const std::string value = field ? " = " + field_text(*field) : "";
      report(origin_of(problem.path), str(problem.path, value, ": ", problem.message));
    }
  }

  void throw_problems() const {
    if (problems_.empty()) return;
    if (problems_.size() == 1) throw ConfigError(problems_[0], __FILE__, __LINE__);
    VIC_FAIL(ConfigError, problems_.size(), " problems in the configuration:\n  ",
             join(problems_, "\n  "));
  }

 private:
  void report(const std::string& origin, const std::string& message) {
    problems_.push_back(origin.empty() ? message : origin + ": " + message);
  }

  std::string origin_of(const std::string& path) const {
    const ConfigEntry* entry = tree_.find(path);
    return entry ? entry->origin : "";
  }

  bool failed(const std::string& path) const {
    return std::find(failed_.begin(), failed_.end(), path) != failed_.end();
  }

  void assign_one(const FieldRef& field, const ConfigEntry& entry) {
    const std::string expected = assign(field, entry.text);
    if (expected.empty()) return;
    report(entry.origin, str(entry.key, " = ", entry.text, ": ", expected));
    failed_.push_back(field.path);
  }

  void assign_map(const FieldRef& field) {
    auto& map = *std::get<std::map<std::string, std::string>*>(field.pointer);
    for (const ConfigEntry& entry : tree_.entries()) {
      if (!starts_with(entry.key, field.path + ".")) continue;
      std::string& value = map[entry.key.substr(field.path.size() + 1)];
      assign_one({field.path, &value, field.help, {}}, entry);
    }
  }

  static bool is_known(const ConfigEntry& entry, const FieldList& fields) {
    if (fields.find(entry.key)) return true;
    if (fields.is_section(entry.key)) return entry.text == "{}" || entry.text == "null";
    return std::any_of(fields.fields().begin(), fields.fields().end(), [&](const FieldRef& field) {
      return field.is_map() && starts_with(entry.key, field.path + ".");
    });
  }

  const ConfigTree& tree_;
  const ReadOptions options_;
  std::vector<std::string> problems_;
  std::vector<std::string> failed_;  // paths whose value is not sound
};

}  // namespace

std::vector<std::string> read_fields(const ConfigTree& tree,
                                     const std::function<FieldList()>& collect,
                                     const ReadOptions& options) {
  constexpr int kRounds = 8;  // far more than fields that choose fields that choose fields
  Reader reader(tree, options);
  FieldList fields = collect();
  for (int round = 0; round < kRounds; ++round) {
    reader.assign_all(fields);
    FieldList next = collect();
    const bool stable = next.paths() == fields.paths();
    fields = std::move(next);
    if (stable) break;
  }
  std::vector<std::string> ignored = reader.unknown_keys(fields);
  reader.check(fields);
  reader.throw_problems();
  return ignored;
}

}  // namespace vicinity
