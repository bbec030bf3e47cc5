#pragma once

#include "autograd/ops/activation.h"
#include "tests/reference/activation.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

inline constexpr std::pair<const char*, Activation> kActivations[] = {
    {"gelu", Activation::gelu},
    {"gelu_pytorch_tanh", Activation::gelu_tanh},
    {"relu", Activation::relu},
    {"selu", Activation::selu},
    {"silu", Activation::silu}};

inline OpCase activation_case(const std::string& name, Activation kind, const Shape& shape) {
  return {.name = str(name, " ", shape),
          .inputs = {{.shape = shape, .scale = 2}},
          .run = [kind](const auto& in) { return std::vector<Variable>{activation(in[0], kind)}; },
          .reference =
              [kind](const auto& in) {
                return std::vector<Tensor>{reference::activation(in[0], kind)};
              }};
}

inline std::vector<OpCase> activation_cases() {
  std::vector<OpCase> cases;
  for (const auto& [name, kind] : kActivations) {
    for (const Shape& shape : {Shape{1}, Shape{7}, Shape{3, 5, 21}, Shape{2, 8200}, Shape{4, 0}})
      cases.push_back(activation_case(name, kind, shape));
  }
  return cases;
}

}  // namespace vicinity::testing
