// Sums gradients of leaves (fixed micro-batches) in a balanced binary tree, so that the sum does
// not depend on who computed which leaf (house rule: sums have a fixed shape).
#pragma once

#include <functional>
#include <vector>

#include "core/tensor/tensor.h"

namespace vicinity {

/// Leaves arrive in order 0, 1, 2, ...; two neighbouring subtrees of equal height are added as soon
/// as both are whole, what remains at the end is added from the right. The shape is that of
/// splitting n leaves at the largest power of two below n, so a rank that owns a run of 2^k leaves
/// computes exactly one subtree. Holds at most log2(n) + 1 sums.
class GradientTree {
 public:
  /// The sum over leaf(0), leaf(1), ..., flat and float, each of which may use the memory of the
  /// one before. A single leaf is its own sum: it is not copied. Valid until the next call.
  Tensor sum(size_t leaves, const std::function<Tensor(size_t)>& leaf);

  /// The same leaf by leaf: adds one that is not the last,
  void add(const Tensor& leaf);
  /// then tells of the last, whose elements may come later. Gives back where the sum will lie,
  Tensor begin_last(const Tensor& last);
  /// sums elements [begin, end), each once, when they are there,
  void add_last(int64_t begin, int64_t end);
  /// and gives back the sum.
  Tensor finish();

 private:
  struct Subtree {
    Tensor sum;
    int height;
  };
  void merge_top();

  Tensor total_, last_;
  std::vector<Subtree> stack_;
  std::vector<Tensor> spare_;
};

}  // namespace vicinity
