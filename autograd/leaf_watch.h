// Someone who waits for the gradients of leaves: to send them away while the tape still runs back.
#pragma once

#include "core/tensor/tensor.h"

namespace vicinity {

class LeafWatch {
 public:
  virtual ~LeafWatch() = default;
  /// The gradient that goes to `sink` (Leaf::sink) is whole: the last of the ops that read the leaf
  /// has run back. Nothing may have arrived (Leaf::written): then it is zero, and the sink is not.
  virtual void whole(const Tensor& sink) = 0;
  /// An op has run back.
  virtual void op_done() = 0;
};

/// While it lives, `watch` hears of what this thread takes back. Without one, an op pays a
/// comparison.
class LeavesWatched {
 public:
  explicit LeavesWatched(LeafWatch& watch);
  ~LeavesWatched();
  LeavesWatched(const LeavesWatched&) = delete;
  LeavesWatched& operator=(const LeavesWatched&) = delete;
};

}  // namespace vicinity
