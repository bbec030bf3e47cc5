// The optimisers that there are: AdamW and SGD with momentum.
#pragma once

#include <memory>

#include "train/optim/optimizer.h"

namespace vicinity {

/// `ema`: decay of an average of the parameters that follows every step (train/optim/averaging.h);
/// 0: none. ConfigError names the optimisers there are.
std::unique_ptr<Optimizer> make_optimizer(const OptimConfig& config, Tensor params, double ema = 0);

}  // namespace vicinity
