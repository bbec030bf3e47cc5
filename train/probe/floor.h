// What the weights that a run starts from reach without training: a fine-tune that ends below that
// has lost more than it learnt.
#pragma once

#include <optional>
#include <string>

#include "data/source/open.h"
#include "models/model.h"
#include "train/run_config.h"

namespace vicinity {

struct Floor {
  std::string method;  // knn or linear
  int64_t of = 0;      // neighbours that vote, or linear classifiers of which this is the best
  int64_t top1 = 0, count = 0;
  double percent() const { return 100.0 * static_cast<double>(top1) / static_cast<double>(count); }
};

/// Whether train.floor wants one. auto: where there are model.weights and at most 20,000 training
/// images, and looking at every image once, a third of a step's work each, costs at most a tenth of
/// the training.
bool wants_floor(const RunConfig& config, const DataSets& data, int64_t steps);

/// The floor of the model as it is now, kept in `file`; what is kept there, where there is some.
/// Nothing where none is wanted, or where training has begun without one: `done` of `steps` steps.
/// knn: the published number of neighbours; linear: the best of the published grid
/// (linear_probe.h), both as vicinity eval knn and eval linear have them.
std::optional<Floor> find_floor(const RunConfig& config, const Model& model, const DataSets& data,
                                DType act, int64_t done, int64_t steps, const std::string& file);

/// Says where a run's best top-1, percent, stands; a warning, with what to try, where it is below
/// the floor.
void compare_with_floor(const std::optional<Floor>& floor, double best_percent,
                        const RunConfig& config);

}  // namespace vicinity
