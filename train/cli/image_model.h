// A model on its device, and images on their way into it.
#pragma once

#include <memory>
#include <span>

#include "data/transforms/pipeline.h"
#include "models/model.h"
#include "train/cli/load_config.h"
#include "train/cli/queries.h"

namespace vicinity {

class ImageModel {
 public:
  explicit ImageModel(const LoadedModel& loaded);

  const Model& model() const { return *model_; }
  /// For inference in the precision of the configuration.
  Pass pass() const { return {.training = false, .act = act_}; }
  /// The images of queries of one size, normalised, on the device: [B, H, W, 3].
  Tensor images(std::span<const Query> queries) const;

 private:
  std::unique_ptr<Model> model_;
  Normalization normalization_;
  DType act_;
};

}  // namespace vicinity
