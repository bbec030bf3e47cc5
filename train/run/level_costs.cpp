#include "train/run/level_costs.h"

#include "autograd/watch.h"
#include "core/base/text.h"
#include "core/runtime/plan.h"
#include "models/registry.h"
#include "train/run/setup.h"

namespace vicinity {
namespace {

// The level that a parameter belongs to, or -1.
int level_of(const std::string& name, size_t levels) {
  for (size_t level = 0; level < levels; ++level)
    if (starts_with(name, str("dinat.encoder.levels.", level, "."))) return static_cast<int>(level);
  return -1;
}

// Ops come in order, and one that reads a parameter says which level has begun.
class LevelWatch : public TapeWatch {
 public:
  LevelWatch(const ParameterStore& store, std::vector<LevelCost>& costs)
      : store_(store), costs_(costs), bytes_(plan().memory().current) {}

  void output(const char*, const Tensor&, const std::vector<Tensor>& sinks) override {
    for (const Tensor& sink : sinks)
      if (sink.defined()) level_ = level_of(store_.name_at(sink), costs_.size());
    const double flops = plan().total().flops;
    const size_t bytes = plan().memory().current;
    if (level_ >= 0) {
      LevelCost& cost = costs_[static_cast<size_t>(level_)];
      cost.flops += flops - flops_;
      cost.kept_bytes += bytes - bytes_;  // what was only needed in between goes out again
    }
    flops_ = flops;
    bytes_ = bytes;
  }
  void gradient(const char*, const Tensor&, const Tensor&) override {}

 private:
  const ParameterStore& store_;
  std::vector<LevelCost>& costs_;
  int level_ = -1;
  double flops_ = 0;
  size_t bytes_;
};

}  // namespace

std::vector<LevelCost> level_costs(const RunConfig& config) {
  const ModelConfig& architecture = config.model.architecture;
  if (architecture.family != "dinat") return {};
  std::vector<LevelCost> costs(static_cast<size_t>(architecture.dinat.levels()));
  const auto model = make_model(architecture, DType::f32, kPlan);
  Pass pass;
  pass.act = activation_dtype(config.train.precision, device_of(config.device));
  pass.recompute = config.train.recompute == "block";
  if (pass.act == DType::bf16) model->store().enable_copies();
  for (const Published& entry : model->store().published()) {
    const int level = level_of(entry.name, costs.size());
    if (level >= 0) costs[static_cast<size_t>(level)].parameters += entry.size();
  }
  const int64_t side = config.data.transform.image_size;
  const Shape image{1, side, side, architecture.num_channels()};
  plan().reset();
  LevelWatch watch(model->store(), costs);
  const Watched watched(watch);
  model->logits(empty(image, pass.act, kPlan), pass);
  return costs;
}

}  // namespace vicinity
