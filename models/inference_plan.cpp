#include "models/inference_plan.h"

#include <algorithm>
#include <utility>

#include "core/ops/elementwise.h"
#include "core/ops/transfer.h"
#include "core/runtime/cuda.h"

namespace vicinity {
namespace {

constexpr size_t kMostPlans = 4;

// Outputs in memory of their own: that of the pass is used again.
class Copies {
 public:
  static Outputs of(const Outputs& shared) {
    const MemoryTape::Paused paused;
    Outputs own = shared;
    for (Tensor* one : {&own.last_hidden_state, &own.pooler_output, &own.logits}) copy(*one);
    for (std::vector<Tensor>* many :
         {&own.hidden_states, &own.reshaped_hidden_states, &own.attentions, &own.feature_maps})
      for (Tensor& tensor : *many) copy(tensor);
    return own;
  }

 private:
  static void copy(Tensor& tensor) {
    if (!tensor.defined()) return;
    Tensor own = empty_like(tensor);
    copy_(own, tensor);
    tensor = own;
  }
};

}  // namespace

Outputs InferencePlan::operator()(const Tensor& images) {
  for (bool tidied = false;;) {
    try {
      return run(images);
    } catch (const OutOfMemory&) {
      if (!std::exchange(tidied, true) && make_room(images.device())) continue;
      if (!stop_recording(images.device())) throw;
      tidied = false;
    }
  }
}

// Plans of other shapes go, and what passes have left: a pass that is recorded takes its memory
// beside what the one before it used. Whether there was any.
bool InferencePlan::make_room(Device device) {
  bool more = plans_.size() > 1;
  plans_.erase(plans_.begin() + 1, plans_.end());
  if constexpr (kCudaBuilt) {
    if (device == kCuda) {
      plans_.front()->input = Tensor();
      more = cuda().allocator().give_back_unused_pieces() || more;
    }
  }
  return more;
}

// A recorded pass needs more than one that runs op by op, whose memory it does not share. Whether
// this was one.
bool InferencePlan::stop_recording(Device device) {
  ShapePlan& plan = *plans_.front();
  return device == kCuda && plan.graph == nullptr && plan.runs > 0 &&
         std::exchange(plan.recorded, false);
}

Outputs InferencePlan::run(const Tensor& images) {
  ShapePlan& plan = plan_of(images.shape());
  if (plan.runs == 0) model_.check(images, request_, pass(plan));
  Outputs outputs = images.device() == kCuda ? on_cuda(plan, images) : on_cpu(plan, images);
  ++plan.runs;
  return outputs;
}

size_t InferencePlan::block_bytes() const {
  size_t bytes = 0;
  for (const auto& plan : plans_) bytes += plan->tape.bytes();
  return bytes;
}

InferencePlan::ShapePlan& InferencePlan::plan_of(const Shape& shape) {
  auto found = std::find_if(plans_.begin(), plans_.end(),
                            [&](const auto& plan) { return plan->shape == shape; });
  if (found == plans_.end()) {
    if (plans_.size() == kMostPlans) plans_.pop_back();
    plans_.push_front(std::make_unique<ShapePlan>());
    plans_.front()->shape = shape;
  } else {
    std::rotate(plans_.begin(), found, found + 1);
  }
  return *plans_.front();
}

Outputs InferencePlan::on_cpu(ShapePlan& plan, const Tensor& images) {
  const MemoryTape::Running running(plan.tape);
  OutputSink sink(request_);
  model_.run(images, sink, pass(plan));
  return Copies::of(model_.finish(sink));
}

Outputs InferencePlan::on_cuda(ShapePlan& plan, const Tensor& images) {
  if (plan.runs == 0 || !plan.recorded) return model_.outputs(images, request_, pass(plan));
  if constexpr (kCudaBuilt) {
    if (plan.graph == nullptr) {
      plan.input = empty_like(images);
      plan.graph = std::make_shared<CudaGraph>(std::make_shared<GraphMemory>(), [&] {
        OutputSink sink(request_);
        model_.run(plan.input, sink, pass(plan));
        plan.sink = std::move(sink);
      });
    }
    copy_(plan.input, images);
    plan.graph->launch(0);
  }
  return model_.finish(plan.sink);
}

}  // namespace vicinity
