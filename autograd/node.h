// A node of the tape: what an op left behind for the way back, or a leaf. Only the tape and those
// who watch it know nodes.
#pragma once

#include "autograd/leaf_watch.h"
#include "autograd/record.h"
#include "core/ops/elementwise.h"

namespace vicinity {

class Node {
 public:
  const char* op = "leaf";
  uint64_t number = 0;           // creation order
  std::vector<Variable> inputs;  // values dropped: only nodes are kept
  std::vector<bool> wanted;
  BackwardMany backward;
  Grads arrived;  // per output; for a leaf, arrived[0] is the sink
  bool leaf = false;
  bool gate = false;     // keeps what arrives
  bool written = false;  // leaves: the sink holds a gradient
  int readers = 0;       // leaves: inputs of nodes that have not run back

  Node() = default;
  ~Node() { release(inputs, nullptr); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// A node that has these inputs is made.
  static void hold(const std::vector<Variable>& inputs) {
    for (const Variable& input : inputs)
      if (input.needs_grad() && input.node()->leaf) ++input.node()->readers;
  }
  /// It has run back, or never will. `watch`: hears which leaves nobody else reads; or absent.
  static void release(const std::vector<Variable>& inputs, LeafWatch* watch) {
    for (const Variable& input : inputs) {
      if (!input.needs_grad() || !input.node()->leaf) continue;
      if (--input.node()->readers == 0 && watch != nullptr) watch->whole(input.node()->arrived[0]);
    }
  }

  /// Adds a gradient to those that arrived at an output. Sums in place only where nobody else sees
  /// the tensor.
  void add(int output, const Tensor& dy) {
    Tensor& sum = arrived[static_cast<size_t>(output)];
    VIC_ASSERT(!sum.defined() || sum.shape() == dy.shape(), "gradient of ", op, " has shape ",
               dy.shape(), ", wanted ", sum.shape());
    if (leaf && !written) {
      if (!dy.begins_with(sum)) copy_(sum, dy);
      written = true;
    } else if (!sum.defined()) {
      sum = dy;
    } else if (leaf || sum.unique()) {
      add_(sum, dy);
    } else {
      sum = vicinity::add(sum, dy);
    }
  }
};

}  // namespace vicinity
