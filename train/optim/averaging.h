// The exponential moving average of a model's weights.
#pragma once

#include <memory>

#include "models/parameter_store.h"
#include "train/exchange.h"
#include "train/optim/optimizer.h"

namespace vicinity {

/// An optimiser whose every step is followed by average += (1 - decay) (params - average); the
/// average starts as `params`, and in their memory where nobody else has it. A refused step leaves
/// it alone. State: "ema" beside the optimiser's own. As timm's ModelEmaV3 without warm-up; Polyak
/// & Juditsky 1992.
std::unique_ptr<Optimizer> averaging(std::unique_ptr<Optimizer> optimizer, Tensor params,
                                     double decay);

/// While one lives, the model has the average as its weights, and the average holds the weights
/// that are trained: for evaluation, and for checkpoints, whose model is the one to use. Nothing
/// happens where the optimiser keeps no average.
class AverageInUse {
 public:
  /// `ranks`: each of which holds a shard of the average, and all of which call this; or absent.
  AverageInUse(ParameterStore& store, const Optimizer& optimizer, Exchange* ranks = nullptr);
  ~AverageInUse() noexcept(false);
  AverageInUse(const AverageInUse&) = delete;
  AverageInUse& operator=(const AverageInUse&) = delete;

 private:
  ParameterStore& store_;
  Tensor average_;
  Exchange* ranks_;
  int errors_;  // on their way when this began
};

/// Exchanges the weights and their average, in place.
void exchange_average(ParameterStore& store, Tensor average, Exchange* ranks);

}  // namespace vicinity
