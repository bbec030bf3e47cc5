// A model on its device, and images on their way into it.
#pragma once

#include <memory>
#include <span>

#include "core/comm/communicator.h"
#include "data/transforms/pipeline.h"
#include "models/inference_plan.h"
#include "train/cli/load_config.h"
#include "train/cli/queries.h"

namespace vicinity {

class ImageModel {
 public:
  /// `request`: what outputs() brings, in the precision of the configuration. `comm`: of many
  /// ranks, each of which has one; or absent.
  ImageModel(const LoadedModel& loaded, const OutputRequest& request,
             const Communicator* comm = nullptr);

  const Model& model() const { return *model_; }
  /// Of queries of one size.
  Outputs outputs(std::span<const Query> queries);
  /// Of images that are resized and normalised already: f32 [B, H, W, C] on the CPU.
  Outputs outputs(const Tensor& normalised);

 private:
  OutputRequest request_;
  DType act_;
  std::unique_ptr<Model> model_;
  Normalization normalization_;
  InferencePlan plan_;
};

}  // namespace vicinity
