#include "train/gradient_tree.h"

#include "core/ops/elementwise.h"

namespace vicinity {

void GradientTree::add(const Tensor& leaf) {
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

Tensor GradientTree::sum(size_t leaves, const std::function<Tensor(size_t)>& leaf) {
  VIC_ASSERT(leaves > 0, "a step without leaves");
  if (leaves == 1) return leaf(0);
  if (total_.defined()) spare_.push_back(std::move(total_));
  for (size_t i = 0; i < leaves; ++i) add(leaf(i));
  while (stack_.size() > 1) merge_top();
  total_ = std::move(stack_.back().sum);
  stack_.clear();
  return total_;
}

}  // namespace vicinity
