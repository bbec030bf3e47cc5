// How far a model looks, and whether its dilations fit.
#pragma once

#include <vector>

#include "models/model_config.h"

namespace vicinity {

/// One level of DiNAT at one size of square images.
struct LevelReach {
  int level = 0;
  int64_t map = 0;     // tokens along an axis
  int64_t stride = 0;  // pixels from token to token
  /// Pixels along an axis that a token in the middle depends on after the level's last block.
  /// Through a 3 x 3 convolution of stride s over tokens of p pixels + 2 p; through a block of
  /// kernel K and dilation d + (K - 1) d p.
  int64_t reach = 0;
  struct Block {
    int64_t dilation = 0;
    int64_t most = 0;   // the largest dilation of its kernel that the map has room for; 0: none
    int64_t reach = 0;  // tokens along an axis that one query sees at most: K + (K - 1)(d - 1)
  };
  std::vector<Block> blocks;

  bool fits(const Block& block) const { return block.dilation <= block.most; }
  bool fits() const;
};

/// One entry a level; DINOv2, each of whose blocks sees the whole picture, has none.
std::vector<LevelReach> reach_of(const ModelConfig& config, int64_t image_size);

}  // namespace vicinity
