// One request, answered again and again by one model.
#pragma once

#include <deque>
#include <memory>

#include "core/runtime/cuda_graph.h"
#include "core/tensor/memory_tape.h"
#include "models/model.h"

namespace vicinity {

/// Model::outputs for images that come in few shapes. The first images of a shape make a plan of
/// it, by which all later ones go, with the same bits:
///   positions   resampled once (DINOv2 at other sizes than its table's)
///   CPU         all tensors of the pass lie in one block, each always in the same place
///   CUDA        the pass is recorded at the second images, if the memory allows, and launched as
///               one graph from then on
/// The plans of the last four shapes are kept, fewer where the memory is short. The model must live
/// longer, and its weights must not change.
class InferencePlan {
 public:
  InferencePlan(const Model& model, OutputRequest request, DType act)
      : model_(model), request_(std::move(request)), act_(act) {}

  /// images: [B, H, W, C] of `act`, normalised, on the model's device.
  Outputs operator()(const Tensor& images);
  /// Frees the memory of all plans; they are made anew.
  void clear() { plans_.clear(); }

  /// Bytes of the blocks of all plans (CPU).
  size_t block_bytes() const;

 private:
  struct ShapePlan {
    Shape shape;
    Kept kept;
    MemoryTape tape;
    Tensor input;  // CUDA: where the graph reads its images
    int64_t runs = 0;
    bool recorded = true;              // from the second run on
    std::shared_ptr<CudaGraph> graph;  // shared: a program without CUDA has no ~CudaGraph
    OutputSink sink{OutputRequest{}};  // in the memory of the graph, so gone before it
  };
  ShapePlan& plan_of(const Shape& shape);
  Outputs run(const Tensor& images);
  bool make_room(Device device);
  bool stop_recording(Device device);
  Outputs on_cpu(ShapePlan& plan, const Tensor& images);
  Outputs on_cuda(ShapePlan& plan, const Tensor& images);
  Pass pass(ShapePlan& plan) const { return {.act = act_, .kept = &plan.kept}; }

  const Model& model_;
  OutputRequest request_;
  DType act_;
  std::deque<std::unique_ptr<ShapePlan>> plans_;  // the last used in front
};

}  // namespace vicinity
