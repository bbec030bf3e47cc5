// A training step as one CUDA graph: recorded once, launched as a whole.
#pragma once

#include <functional>
#include <vector>

#include "core/runtime/cuda_api.h"
#include "core/tensor/tensor.h"

namespace vicinity {

class CudaGraph {
 public:
  /// Values that the host computes anew for every step.
  using Fill = std::function<void(Tensor& host, int64_t step)>;

  /// Runs work() while recording: the device computes nothing yet. Tensors made inside keep their
  /// addresses to themselves as long as the graph lives; those that outlive `work` are its outputs.
  explicit CudaGraph(const std::function<void()>& work);
  ~CudaGraph();
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  /// Brings the inputs of this step to the device and launches. Returns at once; wait for the
  /// stream before the next launch.
  void launch(int64_t step);

  /// The graph that is being recorded, or null.
  static CudaGraph* recording();
  /// While recording: a tensor on the device that launch() fills.
  Tensor add_input(const Shape& shape, DType dtype, Fill fill);

 private:
  struct Input {
    Tensor host, device;
    void* pinned;
    Fill fill;
  };

  // Owners of its pieces. Inputs have theirs to themselves: what the step makes for a while may lie
  // where an input comes to lie later in the recording, and would write over it at the next launch.
  int memory_, input_memory_;
  std::vector<Input> inputs_;
  cuda_api::Graph graph_ = nullptr;
};

}  // namespace vicinity
