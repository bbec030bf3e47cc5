// Gradients that leave while backward still computes others.
#pragma once

#include <vector>

#include "autograd/leaf_watch.h"
#include "models/parameter_store.h"
#include "train/gradient_tree.h"
#include "train/rank_sum.h"

namespace vicinity {

/// Lives while the tape of a rank's last leaf runs back. Backward makes gradients from the last
/// parameters to the first, but for a few: as soon as all from some bucket on are whole, they are
/// added to those of the other leaves, and the bucket leaves. So the order in which buckets leave
/// is that of the flat parameters, whatever the time at which gradients become whole, and the sums
/// are those of the whole gradient, cut along its only axis.
class OverlappedSum : public LeafWatch {
 public:
  /// After the forward of the leaf. `tree` holds the leaves before it; the batch is of `images`.
  OverlappedSum(ParameterStore& store, GradientTree& tree, RankSum& ranks, int64_t images);

  /// After the backward: all of the rank's own sum, of which nothing is left to tell.
  Tensor finish();

  void whole(const Tensor& sink) override;
  void op_done() override { ranks_.progress(); }

 private:
  void mark(size_t place);
  void send_what_is_whole();

  GradientTree& tree_;
  RankSum& ranks_;
  std::vector<GradientPlace> places_;
  const char* first_;  // byte of the flat gradient
  std::vector<bool> whole_;
  size_t open_;   // places from here on are whole
  int64_t sent_;  // elements from here on have left
  LeavesWatched watched_;
};

}  // namespace vicinity
