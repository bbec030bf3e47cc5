#include "autograd/checkpoint.h"

#include <algorithm>

#include "autograd/record.h"

namespace vicinity {
namespace {

// The segment once more, on a tape of its own, and back to its inputs.
Grads run_again(const Segment& segment, const std::vector<Tensor>& values, const Grads& dys,
                const Needs& needs) {
  std::vector<Variable> inputs;
  std::vector<Gate> gates(values.begin(), values.end());
  for (size_t i = 0; i < values.size(); ++i)
    inputs.push_back(needs[i] ? gates[i].variable() : Variable(values[i]));
  backward(segment(inputs), dys);
  Grads grads;
  for (Gate& gate : gates) grads.push_back(gate.take());
  return grads;
}

}  // namespace

std::vector<Variable> checkpoint(const std::vector<Variable>& inputs, Segment segment) {
  const bool wanted = std::any_of(inputs.begin(), inputs.end(),
                                  [](const Variable& input) { return input.needs_grad(); });
  if (!wanted || !is_recording()) return segment(inputs);
  std::vector<Tensor> values, ys;
  std::vector<Variable> constants, read = inputs;
  for (const Variable& input : inputs) {
    values.push_back(input.value());
    constants.emplace_back(input.value());
  }
  {
    const NoGrad no_grad;
    LeafReads inside;
    for (const Variable& y : segment(constants)) ys.push_back(y.value());
    for (const Variable& leaf : inside.all()) read.emplace_back(Tensor{}, leaf.node());
  }
  // The parameters inside are inputs too, so that their gradients are not whole before this has run
  // back; it gives them none, since the tape of the second run does.
  return record("checkpoint", std::move(ys), read,
                [segment = std::move(segment), values = std::move(values), count = read.size()](
                    const Grads& dys, const Needs& needs) {
                  Grads grads = run_again(segment, values, dys, needs);
                  grads.resize(count);
                  return grads;
                });
}

}  // namespace vicinity
