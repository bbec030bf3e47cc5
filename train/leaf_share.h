// How ranks share the leaves of a batch.
#pragma once

#include <cstdint>

namespace vicinity {

/// A batch in leaves, and how many of them are one rank's.
struct LeafShare {
  int64_t micro_batch = 1;
  int64_t leaves_per_rank = 1;

  int64_t images() const { return micro_batch * leaves_per_rank; }
  /// How many ranks have images of a `batch`.
  int ranks_with(int64_t batch) const {
    return static_cast<int>((batch + images() - 1) / images());
  }
};

/// ConfigError, with the nearest numbers that are possible, unless each of `ranks` ranks gets the
/// same power of two of leaves: only then is what a rank sums a subtree of the tree over all
/// leaves.
LeafShare share_leaves(int64_t batch, int64_t micro_batch, int ranks);

}  // namespace vicinity
