#pragma once

#include "data/sampler.h"
#include "data/source/source.h"
#include "data/transforms/pipeline.h"

namespace vicinity {

/// What training sees of a picture: read, cropped, flipped, augmented, with the stream of random
/// numbers that belongs to (seed, draw). `part` and `seen` are memory that is used again.
void load_train_sample(const Source& source, const TransformConfig& transform, uint64_t seed,
                       const Draw& draw, Part& part, Image& seen);

}  // namespace vicinity
