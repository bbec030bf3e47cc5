#include "train/captured_step.h"

#include "core/runtime/cuda.h"

namespace vicinity {

bool CapturedStep::is_usual(const Tensor& images, const Tensor& labels) const {
  return images.shape() == images_shape_ && labels.shape() == labels_shape_;
}

void CapturedStep::stage(const Tensor& images, const Tensor& labels) {
  if (device_ != kCuda || !is_usual(images, labels)) return;
  images_.begin(images);
  labels_.begin(labels);
}

StepOutcome CapturedStep::run(const Tensor& images, const Tensor& labels, int64_t step,
                              const Work& work) {
  if (device_ != kCuda) return work(images, labels);
  if (seen_ == 0) {
    images_shape_ = images.shape();
    labels_shape_ = labels.shape();
  }
  if (!is_usual(images, labels))
    return run_op_by_op(to_device(images, kCuda), to_device(labels, kCuda), work);
  const Tensor device_images = images_(images), device_labels = labels_(labels);
  if (++seen_ == 1 || !capture_) return run_op_by_op(device_images, device_labels, work);
  return run_recorded(device_images, device_labels, step, work);
}

StepOutcome CapturedStep::run_op_by_op(const Tensor& images, const Tensor& labels,
                                       const Work& work) {
  if (!capture_) return work(images, labels);
  if constexpr (kCudaBuilt) {
    if (memory_ == nullptr) memory_ = std::make_shared<GraphMemory>();
    return memory_->use([&] { return work(images, labels); });
  }
  return {};
}

StepOutcome CapturedStep::run_recorded(const Tensor& images, const Tensor& labels, int64_t step,
                                       const Work& work) {
  if constexpr (kCudaBuilt) {
    if (graph_ == nullptr)
      graph_ = std::make_shared<CudaGraph>(memory_, [&] { outcome_ = work(images, labels); });
    graph_->launch(step);
  }
  return outcome_;
}

}  // namespace vicinity
