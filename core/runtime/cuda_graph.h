// A training step as one CUDA graph: recorded once, launched as a whole.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/runtime/cuda_api.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// Memory for the temporaries of a recorded step: its addresses are the graph's own. Steps that are
/// run op by op may use it between launches, so that a step's memory is needed once. What such work
/// makes must not be read after the next launch, unless it was made before the recording: that
/// keeps its place.
class GraphMemory {
 public:
  GraphMemory();
  ~GraphMemory();
  GraphMemory(const GraphMemory&) = delete;
  GraphMemory& operator=(const GraphMemory&) = delete;

  /// work(), whose new tensors come from this memory.
  template <class Work>
  auto use(Work&& work) {
    const Opened opened(owner_);
    return std::forward<Work>(work)();
  }
  /// u8, for what a graph is given anew at each launch: there before any work, so that recording
  /// asks for no more than the work did.
  const Tensor& inputs() const { return inputs_; }

 private:
  struct Opened {
    explicit Opened(int owner);
    ~Opened();
    int before;
  };
  int owner_;
  Tensor inputs_;
};

class CudaGraph {
 public:
  /// Values that the host computes anew for every step.
  using Fill = std::function<void(Tensor& host, int64_t step)>;

  /// Runs work() while recording: the device computes nothing yet. Tensors made inside keep their
  /// addresses to themselves as long as the graph lives; those that outlive `work` are its outputs.
  CudaGraph(std::shared_ptr<GraphMemory> memory, const std::function<void()>& work);
  ~CudaGraph();
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  /// Brings the inputs of this step to the device, in one copy, and launches. Returns at once; wait
  /// for the stream before the next launch.
  void launch(int64_t step);

  /// The graph that is being recorded, or null.
  static CudaGraph* recording();
  /// While recording: a tensor on the device that launch() fills.
  Tensor add_input(const Shape& shape, DType dtype, Fill fill);

 private:
  struct Input {
    Tensor host;
    size_t slab, offset;  // where its bytes travel
    Fill fill;
  };
  /// Inputs side by side. Not in memory that the recording hands out: what the step makes for a
  /// while could lie where an input comes to lie later, and would write over it at each launch.
  struct Slab {
    Tensor device;
    size_t used = 0;
    void* pinned = nullptr;
  };
  explicit CudaGraph(std::shared_ptr<GraphMemory> memory) : memory_(std::move(memory)) {}
  void record(const std::function<void()>& work);

  std::shared_ptr<GraphMemory> memory_;
  std::vector<Slab> slabs_;
  std::vector<Input> inputs_;
  cuda_api::Graph graph_ = nullptr;
};

}  // namespace vicinity
