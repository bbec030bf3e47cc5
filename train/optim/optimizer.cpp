#include "train/optim/optimizer.h"

#include <algorithm>

namespace vicinity {

void OptimConfig::check(Problems& problems) const {
  const bool pair = betas.size() == 2 && std::all_of(betas.begin(), betas.end(),
                                                     [](double b) { return b >= 0 && b < 1; });
  if (!pair) problems.add("betas", "needs two numbers in [0, 1), such as [0.9, 0.999]");
}

}  // namespace vicinity
