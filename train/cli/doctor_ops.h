// What `vicinity doctor` runs of each op.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/variable.h"

namespace vicinity {

/// A differentiable op on random inputs, held to fp64 on the CPU forward and back.
struct OpCheck {
  std::string name;
  std::vector<Shape> inputs;
  std::vector<bool> accumulator;  // stays f32 beside bf16 activations
  std::function<Variable(const std::vector<Variable>&)> run;
};
/// One for each kernel that a model's shapes may choose.
std::vector<OpCheck> differentiable_ops();

/// Any other op, in f32; what it makes is held to the CPU's.
struct PlainCheck {
  std::string name;
  std::function<std::vector<Tensor>(Device)> run;  // results on the CPU
};
std::vector<PlainCheck> plain_ops();

/// Normal numbers, f64 on the CPU.
Tensor random_tensor(const Shape& shape, uint64_t seed);

}  // namespace vicinity
