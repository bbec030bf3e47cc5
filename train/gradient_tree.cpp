#include "train/gradient_tree.h"

#include <utility>

#include "core/ops/elementwise.h"

namespace vicinity {

void GradientTree::add(const Tensor& leaf) {
  if (total_.defined()) spare_.push_back(std::exchange(total_, {}));
  if (!stack_.empty() && stack_.back().height == 0) {
    add_(stack_.back().sum, leaf);  // the right one of a pair needs no copy of its own
    stack_.back().height = 1;
  } else {
    Tensor copy = spare_.empty() ? empty_like(leaf) : std::move(spare_.back());
    if (!spare_.empty()) spare_.pop_back();
    copy_(copy, leaf);
    stack_.push_back({std::move(copy), 0});
  }
  while (stack_.size() > 1 && stack_[stack_.size() - 2].height == stack_.back().height) merge_top();
}

void GradientTree::merge_top() {
  Subtree right = std::move(stack_.back());
  stack_.pop_back();
  add_(stack_.back().sum, right.sum);
  ++stack_.back().height;
  spare_.push_back(std::move(right.sum));
}

// Whatever the number of leaves, the last one is added to the rightmost subtree, and each subtree
// to the one on its left.
Tensor GradientTree::begin_last(const Tensor& last) {
  last_ = last;
  return stack_.empty() ? last : stack_.front().sum;
}

void GradientTree::add_last(int64_t begin, int64_t end) {
  Tensor right = last_.slice(begin, end);
  for (size_t i = stack_.size(); i-- > 0;) {
    Tensor left = stack_[i].sum.slice(begin, end);
    add_(left, right);
    right = left;
  }
}

Tensor GradientTree::finish() {
  const Tensor last = std::exchange(last_, {});
  if (stack_.empty()) return last;
  total_ = std::move(stack_.front().sum);
  for (size_t i = 1; i < stack_.size(); ++i) spare_.push_back(std::move(stack_[i].sum));
  stack_.clear();
  return total_;
}

Tensor GradientTree::sum(size_t leaves, const std::function<Tensor(size_t)>& leaf) {
  VIC_ASSERT(leaves > 0, "a step without leaves");
  for (size_t i = 0; i + 1 < leaves; ++i) add(leaf(i));
  const Tensor sum = begin_last(leaf(leaves - 1));
  add_last(0, sum.size());
  return finish();
}

}  // namespace vicinity
