// What flows from block to block of a network, and how a block is run.
#pragma once

#include "autograd/checkpoint.h"
#include "models/pass.h"

namespace vicinity {

/// The residual stream and, where a block or norm follows that reads it, its LayerNorm.
struct BlockState {
  Variable x;
  Variable normed;
};

/// block(state): kept for backward or, with pass.recompute, computed again there.
template <class Block>
BlockState run_block(const Pass& pass, const BlockState& state, Block block) {
  if (!pass.recompute) return block(state);
  const std::vector<Variable> ys = checkpoint(
      {state.x, state.normed}, [block = std::move(block)](const std::vector<Variable>& inputs) {
        const BlockState result = block(BlockState{inputs[0], inputs[1]});
        return std::vector<Variable>{result.x, result.normed};
      });
  return {ys[0], ys[1]};
}

}  // namespace vicinity
