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
  std::vector<Variable> constants;
  for (const Variable& input : inputs) {
    values.push_back(input.value());
    constants.emplace_back(input.value());
  }
  {
    const NoGrad no_grad;
    for (const Variable& y : segment(constants)) ys.push_back(y.value());
  }
  return record(
      "checkpoint", std::move(ys), inputs,
      [segment = std::move(segment), values = std::move(values)](
          const Grads& dys, const Needs& needs) { return run_again(segment, values, dys, needs); });
}

}  // namespace vicinity
