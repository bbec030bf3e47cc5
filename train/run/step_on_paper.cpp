#include "train/run/step_on_paper.h"

#include "autograd/record.h"
#include "models/registry.h"
#include "train/run/setup.h"
#include "train/tasks/classify.h"
#include "train/trainer.h"

namespace vicinity {

StepOnPaper plan_step(const RunConfig& config, int64_t leaf) {
  const int64_t side = config.data.transform.image_size;
  const DType act = activation_dtype(config.train.precision, device_of(config.device));
  StepOnPaper result;
  plan().reset();
  const auto model = make_model(config.model.architecture, DType::f32, kPlan);
  if (act == DType::bf16) model->store().enable_copies();
  result.parameters = model->parameter_count();
  {
    const NoGrad no_grad;
    Pass pass;
    pass.act = act;
    plan().reset();
    model->logits(empty({1, side, side, 3}, act, kPlan), pass);
    result.forward_flops = plan().total().flops;
    for (const auto& [op, entry] : plan().by_op())
      result.op_flops.emplace_back(op, entry.cost.flops);
  }
  const auto optimizer = make_optimizer(config.optim, model->store().value());
  Classify task(*model, normalization_of(config.data.transform), config.train.smoothing);
  Trainer trainer(*model, task, *optimizer, param_ranges(model->store()),
                  {.act = act, .micro_batch = leaf});
  const int64_t batch = config.train.batch;
  plan().reset();
  trainer.step(empty({batch, side, side, 3}, DType::u8, kPlan), empty({batch}, DType::i32, kPlan));
  result.step_flops = plan().total().flops;
  result.ops = plan().by_op();
  result.step_bytes = plan().memory().peak;
  return result;
}

int64_t largest_micro_batch(const RunConfig& config, size_t bytes) {
  const auto fits = [&](int64_t leaf) { return plan_step(config, leaf).step_bytes <= bytes; };
  if (!fits(1)) return 0;
  int64_t good = 1, bad = config.train.batch + 1;
  while (bad - good > 1) {
    const int64_t middle = (good + bad) / 2;
    (fits(middle) ? good : bad) = middle;
  }
  return good;
}

}  // namespace vicinity
