// How an op enters the tape: its name, its outputs, its inputs, and a closure whose capture list is
// the memory bill.
#pragma once

#include "autograd/variable.h"

namespace vicinity {

/// Which inputs of an op want a gradient; the closure computes no other.
class Needs {
 public:
  Needs(std::vector<bool> wanted, std::vector<Tensor> sinks)
      : wanted_(std::move(wanted)), sinks_(std::move(sinks)) {}
  bool operator[](size_t input) const { return wanted_[input]; }
  /// Where the gradient of a parameter ends, so that the op can write it there and give back this
  /// very tensor: no memory of its own, no copy. Absent where something has arrived before.
  const Tensor& sink(size_t input) const { return sinks_[input]; }

 private:
  std::vector<bool> wanted_;
  std::vector<Tensor> sinks_;
};

/// dys: gradients of the outputs (absent where nothing arrived) -> gradients of the inputs, in
/// their order.
using BackwardMany = std::function<Grads(const Grads& dys, const Needs& needs)>;
using BackwardOne = std::function<Grads(const Tensor& dy, const Needs& needs)>;

/// Puts an op on the tape. Where no input wants a gradient, or recording is off, nothing is kept:
/// the closure dies here.
Variable record(const char* op, Tensor y, const std::vector<Variable>& inputs,
                BackwardOne backward);
std::vector<Variable> record(const char* op, std::vector<Tensor> ys,
                             const std::vector<Variable>& inputs, BackwardMany backward);

/// While one of these lives, this thread records nothing: inference.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};
/// Whether this thread records.
bool is_recording();

/// While one lives, ops that this thread does not record leave behind which leaves they read.
class LeafReads {
 public:
  LeafReads();
  ~LeafReads();
  LeafReads(const LeafReads&) = delete;
  LeafReads& operator=(const LeafReads&) = delete;
  std::vector<Variable>& all() { return all_; }

 private:
  std::vector<Variable> all_;
};

/// Runs the tape from `y` back to the leaves, with dL/dy = `dy` (same shape). Walks nodes by
/// falling creation number, a reverse topological order: no recursion, and sums in a fixed order,
/// so that runs repeat bit for bit. Frees every closure (and what it captured) as soon as it has
/// run.
void backward(const Variable& y, Tensor dy);
/// The same from several values at once; gradients may be absent. Ends at leaves and at gates.
void backward(const std::vector<Variable>& ys, Grads dys);

/// Where a tape that is inside another one begins: what arrives here is kept for the outer one.
class Gate {
 public:
  explicit Gate(Tensor value);
  const Variable& variable() const { return variable_; }
  /// The gradient that arrived, or absent; it is handed over.
  Tensor take();

 private:
  Variable variable_;
};

}  // namespace vicinity
