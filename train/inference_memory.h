// What a pass without recording takes, and what is said where the memory is short of it.
#pragma once

#include <string>

#include "core/base/error.h"
#include "models/model.h"

namespace vicinity {

struct InferencePass {
  const Model& model;
  OutputRequest request;
  DType act;
  Shape images;         // [B, H, W, C]
  std::string setting;  // that says how many go at once, up to the number: "train.micro_batch="
};

/// The most images, less than those of the pass, whose tensors lie within `bytes` beside the
/// weights, on paper; 0 if not one does.
int64_t largest_inference_batch(const InferencePass& pass, size_t bytes);

/// Adds to the error of a pass, whose memory is free again, what would fit into what there is.
void explain(OutOfMemory& error, const InferencePass& pass);

}  // namespace vicinity
