// Between devices.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/tensor/tensor.h"

namespace vicinity {

/// x on another device, same dtype; x itself if it lives there. A copy to the CPU waits for all
/// work before it.
Tensor to_device(const Tensor& x, Device device);

/// A tensor whose values the host computes from the step alone: fill(host, step). In a captured
/// step (core/runtime/cuda_graph.h) it is filled again at every launch.
Tensor step_values(const Shape& shape, DType dtype, Device device, int64_t step,
                   const std::function<void(Tensor& host, int64_t step)>& fill);

/// Brings tensors of one shape and dtype to a device, always to the same address there. On CUDA
/// through two page-locked buffers in turn and a stream of their own, so that neither the host nor
/// the device waits for a copy that began early enough.
class Upload {
 public:
  explicit Upload(Device device);
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  /// Begins to copy what is wanted next, while the device goes on with what it was given.
  void begin(const Tensor& x);
  /// x on the device, begun before or not: on the CPU x itself. Valid until the next call.
  const Tensor& operator()(const Tensor& x);

 private:
  struct Buffers;
  Device device_;
  Tensor value_;
  Tensor begun_;  // what was last given to begin
  std::unique_ptr<Buffers> buffers_;
};

/// Whether device=cuda can be used; empty, or why not.
std::string why_no_cuda();
/// Whether that device is a GPU; false for the kernels emulated on the CPU, which are for tests.
bool cuda_is_a_gpu();
/// Waits until everything enqueued on the device is done. Nothing to do on the CPU.
void synchronize(Device device);

}  // namespace vicinity
