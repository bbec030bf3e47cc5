#include "models/weights/load.h"

#include <algorithm>

#include "core/base/text.h"
#include "models/weights/adapt.h"
#include "models/weights/contents.h"
#include "models/weights/linear_head.h"
#include "models/weights/state_dict.h"

namespace vicinity {
namespace {

bool is_head(const std::string& name) { return starts_with(name, "classifier."); }

// Of another number in the file, these start anew: classes and registers have no order to resize
// in.
bool may_be_new(const std::string& bare) {
  return is_head(bare) || ends_with(bare, "register_tokens");
}

class Loading {
 public:
  Loading(Model& model, const std::string& path, bool use_ema)
      : model_(model), contents_(path, use_ema) {
    report_.file = str(contents_.path(), ", ", name_of(contents_.format()), " names");
    if (!contents_.wrapper().empty()) report_.file += " behind '" + contents_.wrapper() + "'";
    if (use_ema) report_.file += ", the average of the weights";
    mode_ = parse_position_mode(model.config().dinov2.position_interpolation);
  }

  void take_all() {
    for (const Published& entry : model_.store().published()) {
      const std::string bare = bare_name(entry.name);
      if (!is_head(entry.name)) backbone_ += entry.size();
      if (contents_.has(bare) &&
          (!may_be_new(bare) || contents_.shapes().at(bare) == entry.shape)) {
        take(entry, contents_.read(bare));
      } else {
        report_.fresh.push_back(entry.name);
      }
    }
    report_.unused = contents_.unused();
  }

  void take_head(const std::string& path) {
    const LinearHead head = read_linear_head(path);
    for (const Published& entry : model_.store().published()) {
      if (!is_head(entry.name)) continue;
      const Tensor& tensor = entry.name == "classifier.weight" ? head.weight : head.bias;
      VIC_CHECK(DataError, tensor.shape() == entry.shape, "'", path, "': the head's ",
                entry.name.substr(11), " has shape ", tensor.shape(), ", the model wants ",
                entry.shape, explained_head(head, entry));
      model_.store().load(entry, tensor);
      std::erase(report_.fresh, entry.name);
      if (!contains(report_.loaded, entry.name)) report_.loaded.push_back(entry.name);
    }
    report_.remarks.push_back("the classifier comes from " + path);
  }

  LoadReport finish(double min_match) {
    explain();
    report_.matched =
        static_cast<double>(matched_) / static_cast<double>(std::max<int64_t>(1, backbone_));
    VIC_CHECK(DataError, report_.matched >= min_match, "'", contents_.path(), "' holds only ",
              format_fixed(100 * report_.matched, 1),
              " % of the model's backbone, less than model.min_match = ", format_number(min_match),
              "; is it another architecture? ", report_.text());
    model_.store().refresh_copies();
    return report_;
  }

 private:
  static bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  }

  void take(const Published& entry, const Tensor& tensor) {
    const Adapted adapted = adapt(tensor, entry, mode_, contents_.path());
    model_.store().load(entry, adapted.tensor);
    if (adapted.method.empty()) {
      report_.loaded.push_back(entry.name);
    } else {
      report_.resized.push_back({entry.name, tensor.shape(), entry.shape, adapted.method});
    }
    if (!is_head(entry.name)) matched_ += entry.size();
  }

  static std::string explained_head(const LinearHead& head, const Published& entry) {
    if (entry.name != "classifier.weight" || head.weight.dim(1) == entry.shape[1])
      return "; model.labels come from the data, the head must have as many classes";
    return head.weight.dim(1) * 2 == 5 * entry.shape[1]
               ? "; heads on the last four layers (linear4) are not supported, those on one are"
               : "; it belongs to a backbone of another width";
  }

  int64_t axis_of(const std::string& bare, int axis) const {
    const auto found = contents_.shapes().find(bare);
    return found == contents_.shapes().end() || found->second.rank() <= axis ? 0
                                                                             : found->second[axis];
  }

  // What the counts mean, in the words of the settings.
  void explain() {
    const ModelConfig& config = model_.config();
    const int64_t classes = axis_of("classifier.weight", 0);
    if (contains(report_.fresh, "classifier.weight")) {
      report_.remarks.push_back(
          classes > 0 ? str("the file has ", classes, " classes, the model ", model_.num_labels(),
                            ": its classifier is new")
                      : std::string("the file has no classifier: the model's is new"));
    }
    for (const char* average : kAverages) {
      if (contains(contents_.passed_over(), average)) {
        report_.remarks.push_back(str("the file also holds their running average, ", average,
                                      ": model.use_ema=true takes it"));
      }
    }
    if (config.family == "dinov2") explain_registers(config.dinov2.num_register_tokens);
    if (config.family == "dinov2" && !contents_.has_class_position()) {
      report_.remarks.push_back(
          "timm adds the class token's position to the token itself: the row of the table is zero");
    }
  }

  void explain_registers(int wanted) {
    const int64_t there = axis_of("embeddings.register_tokens", 1);
    if (there == wanted) return;
    report_.remarks.push_back(str("the file has ", there, " register tokens, the model ", wanted,
                                  wanted == 0
                                      ? ": they are left out, which changes what the model computes"
                                      : ": the model's are new"));
  }

  Model& model_;
  WeightContents contents_;
  LoadReport report_;
  PositionMode mode_ = PositionMode::hf437;
  int64_t backbone_ = 0, matched_ = 0;
};

}  // namespace

LoadReport load_weights(Model& model, const std::string& path, const LoadOptions& options) {
  Loading loading(model, path, options.use_ema);
  loading.take_all();
  if (!options.head.empty()) loading.take_head(options.head);
  return loading.finish(options.min_match);
}

void load_exact(Model& model, const std::string& path) {
  const auto file = open_weights(path);
  for (const Published& entry : model.store().published()) {
    model.store().adopt(model.store().value(), entry, file->read(entry.name));
  }
}

}  // namespace vicinity
