// Sums gradients of leaves (fixed micro-batches) in a balanced binary tree, so that the sum does
// not depend on who computed which leaf (house rule: sums have a fixed shape).
#pragma once

#include <vector>

#include "core/tensor/tensor.h"

namespace vicinity {

/// Leaves arrive in order 0, 1, 2, ...; two neighbouring subtrees of equal height are added as soon
/// as both are whole, what remains at the end is added from the right. The shape is that of
/// splitting n leaves at the largest power of two below n, so a rank that owns a run of 2^k leaves
/// computes exactly one subtree. Holds at most log2(n) + 1 sums.
class GradientTree {
 public:
  /// `total`: receives the sum in finish(); flat, float.
  explicit GradientTree(Tensor total) : total_(std::move(total)) {}

  /// Adds the next leaf; copies it.
  void add(const Tensor& leaf);
  /// The sum over all leaves since the last finish(), written into `total`.
  const Tensor& finish();
  /// What the last finish() wrote.
  const Tensor& total() const { return total_; }

 private:
  struct Subtree {
    Tensor sum;
    int height;
  };
  void merge_top();

  Tensor total_;
  std::vector<Subtree> stack_;
  std::vector<Tensor> spare_;
};

}  // namespace vicinity
