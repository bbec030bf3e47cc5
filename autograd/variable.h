// Variable: a tensor and, where gradients are wanted, the node of the tape that made it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/tensor/tensor.h"

namespace vicinity {

/// One gradient per input of an op (or per output, going in); absent where none is wanted or none
/// arrived.
using Grads = std::vector<Tensor>;

class Node;

class Variable {
 public:
  /// Absent, as an optional argument of an op.
  Variable() = default;
  /// A constant: nothing flows back into it.
  Variable(Tensor value) : value_(std::move(value)) {}  // NOLINT: a tensor is a constant variable
  Variable(Tensor value, std::shared_ptr<Node> node, int output = 0)
      : value_(std::move(value)), node_(std::move(node)), output_(output) {}

  bool defined() const { return value_.defined(); }
  const Tensor& value() const { return value_; }
  const Shape& shape() const { return value_.shape(); }
  int64_t dim(int axis) const { return value_.dim(axis); }
  DType dtype() const { return value_.dtype(); }
  bool needs_grad() const { return node_ != nullptr; }
  const std::shared_ptr<Node>& node() const { return node_; }
  /// Which output of the node this is.
  int output() const { return output_; }

 private:
  Tensor value_;
  std::shared_ptr<Node> node_;
  int output_ = 0;
};

/// Where gradients end: a parameter or an input under test. The gradient is written into `sink`
/// (same shape) by the first contribution and added to by later ones; `written()` tells whether any
/// arrived since `reset()`.
class Leaf {
 public:
  Leaf() = default;
  explicit Leaf(Tensor sink);

  /// `value` as seen by ops: the parameter itself or its copy in another dtype.
  Variable use(Tensor value) const { return {std::move(value), node_}; }
  bool written() const;
  /// Whether an op that has not run back reads it.
  bool is_read() const;
  void reset();
  Tensor& sink();

 private:
  std::shared_ptr<Node> node_;
};

}  // namespace vicinity
