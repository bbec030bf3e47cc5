#include "train/trainer.h"

#include <cmath>

#include "autograd/record.h"
#include "core/ops/elementwise.h"
#include "core/ops/grad_norm.h"
#include "core/runtime/profile.h"

namespace vicinity {
namespace {

void accept(const LossSums& sums, double norm, int64_t step) {
  VIC_CHECK(DivergedError, std::isfinite(sums.loss), "the loss of step ", step + 1, " is ",
            sums.loss,
            "; the weights were left as they were before it. Lower optim.lr, lengthen "
            "sched.warmup, or set "
            "optim.clip_grad=1");
  VIC_CHECK(
      DivergedError, std::isfinite(norm), "the gradient of step ", step + 1,
      " is not finite (norm ", norm, ") though its loss is ",
      sums.loss / static_cast<double>(sums.count),
      "; the weights were left as they were before it. Lower optim.lr or set optim.clip_grad=1");
}

}  // namespace

Trainer::Trainer(Model& model, Task& task, Optimizer& optimizer, std::vector<ParamRange> ranges,
                 Settings settings)
    : model_(model),
      task_(task),
      optimizer_(optimizer),
      ranges_(std::move(ranges)),
      settings_(settings),
      gradients_(empty_like(model.store().value())) {}

LossSums Trainer::forward_backward(const LeafBatch& leaf) {
  const auto start = std::chrono::steady_clock::now();
  Pass pass{.training = true,
            .act = settings_.act,
            .seed = settings_.seed,
            .step = step_,
            .first_sample = leaf.first};
  LossSums sums;
  model_.store().clear_grads();
  const Variable loss = task_.loss(leaf, pass, sums);
  phases_.forward += seconds_since(start);
  const auto middle = std::chrono::steady_clock::now();
  backward(loss, full({1}, 1, loss.dtype(), loss.value().device()));
  gradients_.add(model_.store().grad());
  phases_.backward += seconds_since(middle);
  return sums;
}

StepReport Trainer::step(const Tensor& images, const Tensor& labels) {
  const Knobs knobs = settings_.schedule.at(step_);
  phases_ = {};
  LossSums sums;
  for (const LeafBatch& leaf : leaves_of(images, labels, settings_.micro_batch)) {
    const LossSums part = forward_backward(leaf);
    sums.loss += part.loss;
    sums.correct += part.correct;
    sums.count += part.count;
  }
  const auto start = std::chrono::steady_clock::now();
  const Tensor& gradient = gradients_.finish();
  const double norm = std::sqrt(sum_of_squares(gradient));
  accept(sums, norm, step_);
  const double clip = settings_.clip_grad > 0 && norm > settings_.clip_grad
                          ? settings_.clip_grad / (norm + 1e-6)
                          : 1;
  optimizer_.step(model_.store().value(), gradient, ranges_, knobs, clip, step_);
  model_.store().refresh_copies();
  task_.after_step(knobs);
  ++step_;
  phases_.update += seconds_since(start);
  const auto count = static_cast<double>(sums.count);
  return {step_, sums.loss / count, static_cast<double>(sums.correct) / count, norm, knobs};
}

std::vector<ParamRange> param_ranges(const ParameterStore& store) {
  std::vector<ParamRange> ranges;
  for (const Published& entry : store.published()) {
    const bool decay = entry.shape.rank() >= 2;
    if (!ranges.empty() && ranges.back().decay == decay) {
      ranges.back().end =
          entry.offset + entry.size();  // the padding between holds zeros, which stay zero
    } else {
      ranges.push_back({entry.offset, entry.offset + entry.size(), 1, decay});
    }
  }
  return ranges;
}

}  // namespace vicinity
