// A step's device work, enqueued op by op or, on a GPU, recorded once and launched as one graph.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/ops/transfer.h"
#include "core/runtime/cuda_graph.h"
#include "train/tasks/task.h"

namespace vicinity {

/// What a step leaves on the device for the host to read, beside new weights.
struct StepOutcome {
  std::vector<LeafOutcome> leaves;
  // Flat, summed over them; absent where a short batch leaves this rank none.
  Tensor gradient;
  Tensor squares;  // f64 [1]: sum of squares of the gradient
  Tensor scale;    // f64 [1]: what the optimiser multiplies it with
};

/// Runs work(images, labels) with the batch on the device. On CUDA the first batch is enqueued op
/// by op, the next of the same shape is recorded (core/runtime/cuda_graph.h), and every one from
/// then on is a launch; batches of other shapes, such as the last of an epoch, stay op by op. The
/// bits are the same: it is the same kernels in the same order. All of them use one memory, so what
/// a step makes lasts until the next one.
class CapturedStep {
 public:
  using Work = std::function<StepOutcome(const Tensor& images, const Tensor& labels)>;

  CapturedStep(Device device, bool capture)
      : device_(device), capture_(capture), images_(device), labels_(device) {}

  /// Begins to bring the next batch to the device, while that works on the last.
  void stage(const Tensor& images, const Tensor& labels);
  StepOutcome run(const Tensor& images, const Tensor& labels, int64_t step, const Work& work);

 private:
  bool is_usual(const Tensor& images, const Tensor& labels) const;
  /// On the device.
  StepOutcome run_op_by_op(const Tensor& images, const Tensor& labels, const Work& work);
  StepOutcome run_recorded(const Tensor& images, const Tensor& labels, int64_t step,
                           const Work& work);

  Device device_;
  bool capture_;
  Shape images_shape_, labels_shape_;  // of the first batch; a rank has all of its labels
  int64_t seen_ = 0;
  Upload images_, labels_;
  std::shared_ptr<GraphMemory> memory_;  // shared: a program without CUDA has no destructor of it
  std::shared_ptr<CudaGraph> graph_;
  StepOutcome outcome_;  // in the memory of the graph, so gone before it
};

}  // namespace vicinity
