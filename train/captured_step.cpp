#include "train/captured_step.h"

#include "core/runtime/cuda.h"

namespace vicinity {

void CapturedStep::stage(const Tensor& images, const Tensor& labels) {
  if (device_ != kCuda || !(images.shape() == shape_)) return;
  images_.begin(images);
  labels_.begin(labels);
}

StepOutcome CapturedStep::run(const Tensor& images, const Tensor& labels, int64_t step,
                              const Work& work) {
  if (device_ != kCuda) return work(images, labels);
  if (seen_ == 0) shape_ = images.shape();
  if (!(images.shape() == shape_)) return work(to_device(images, kCuda), to_device(labels, kCuda));
  if (++seen_ == 1 || !capture_) return work(images_(images), labels_(labels));
  return run_recorded(images, labels, step, work);
}

StepOutcome CapturedStep::run_recorded(const Tensor& images, const Tensor& labels, int64_t step,
                                       const Work& work) {
  if constexpr (kCudaBuilt) {
    const Tensor device_images = images_(images), device_labels = labels_(labels);
    if (graph_ == nullptr) {
      graph_ = std::make_shared<CudaGraph>([&] { outcome_ = work(device_images, device_labels); });
    }
    graph_->launch(step);
  }
  return outcome_;
}

}  // namespace vicinity
