#include "train/run/step_on_paper.h"

#include "autograd/record.h"
#include "core/tensor/plan_extent.h"
#include "models/registry.h"
#include "train/optim/make_optimizer.h"
#include "train/optim/param_groups.h"
#include "train/run/setup.h"
#include "train/tasks/classify.h"
#include "train/trainer.h"

namespace vicinity {
namespace {

// What a checkpoint holds of a flat tensor (train/run/saving.cpp): itself, and once more what is
// published in another order.
void add_copies(const ParameterStore& store, const Tensor& flat, std::vector<Tensor>& copies) {
  copies.push_back(empty_like(flat));
  for (const Published& entry : store.published())
    if (entry.channels_last) copies.push_back(empty(entry.shape, flat.dtype(), flat.device()));
}

}  // namespace

StepOnPaper plan_step(const RunConfig& config, int64_t leaf) {
  const int64_t side = config.data.transform.image_size,
                channels = config.model.architecture.num_channels();
  const DType act = activation_dtype(config.train.precision, device_of(config.device));
  StepOnPaper result;
  plan().reset();
  reset_plan_extent();
  const size_t others = plan_extent();
  const auto model = make_model(config.model.architecture, DType::f32, kPlan);
  if (act == DType::bf16) model->store().enable_copies();
  result.parameters = model->parameter_count();
  {
    const NoGrad no_grad;
    Pass pass;
    pass.act = act;
    plan().reset();
    model->logits(empty({1, side, side, channels}, act, kPlan), pass);
    result.forward_flops = plan().total().flops;
    for (const auto& [op, entry] : plan().by_op())
      result.op_flops.emplace_back(op, entry.cost.flops);
  }
  const auto optimizer = make_optimizer(config.optim, model->store().value(), config.train.ema);
  const std::vector<float> ones(static_cast<size_t>(channels), 1);
  Classify task(*model, {ones, ones}, config.train.smoothing, Mixing(config.train.mixing, 1));
  Trainer trainer(
      *model, task, *optimizer, trainable_ranges(*model, config.optim),
      {.act = act, .micro_batch = leaf, .recompute = config.train.recompute == "block"});
  const int64_t batch = config.train.batch;
  plan().reset();
  const Shape pixels{batch, side, side, channels};
  const Tensor images = empty(pixels, DType::u8, kPlan), labels = empty({batch}, DType::i32, kPlan);
  trainer.step(images, labels);
  result.step_flops = plan().total().flops;
  result.ops = plan().by_op();
  result.step_bytes = plan().memory().peak;
  const Tensor next = empty(pixels, DType::u8, kPlan);
  trainer.step(images, labels);
  result.extent = plan_extent() - others;
  std::vector<Tensor> copies;
  for (const auto& [name, state] : optimizer->state()) {
    add_copies(model->store(), state, copies);
    result.optimiser_numbers += state.size();
  }
  add_copies(model->store(), model->store().value(), copies);
  result.extent_saved = plan_extent() - others;
  trainer.step(images, labels);
  result.extent_saving = plan_extent() - others;
  return result;
}

int64_t largest_micro_batch(const RunConfig& config, size_t bytes) {
  const auto fits = [&](int64_t leaf) { return plan_step(config, leaf).extent <= bytes; };
  // Fewer leaves first: many small ones need more sums of gradients (gradient_tree.h) than they
  // save.
  const int64_t batch = config.train.batch;
  int64_t good = 0, bad = batch + 1;
  for (int64_t leaves = 1; leaves <= batch && good == 0; ++leaves) {
    const int64_t leaf = (batch + leaves - 1) / leaves;
    if (leaf < bad) (fits(leaf) ? good : bad) = leaf;
  }
  while (good > 0 && bad - good > 1) {
    const int64_t middle = (good + bad) / 2;
    (fits(middle) ? good : bad) = middle;
  }
  return good;
}

}  // namespace vicinity
