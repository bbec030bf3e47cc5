// What each level of a DiNAT costs, without computing anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "train/run_config.h"

namespace vicinity {

/// A level's blocks and its downsampler.
struct LevelCost {
  int64_t parameters = 0;
  double flops = 0;       // forward, of one image
  size_t kept_bytes = 0;  // of one image, for backward; less where train.recompute is block
};

/// One for each level; none for a DINOv2.
std::vector<LevelCost> level_costs(const RunConfig& config);

}  // namespace vicinity
