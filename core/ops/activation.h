// Pointwise nonlinearities.
#pragma once

#include <string>

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

enum class Activation {
  gelu,       // x Phi(x), exact erf form (Hendrycks & Gimpel 2016, arXiv:1606.08415)
  gelu_tanh,  // its tanh approximation
  relu,
  selu,  // Klambauer et al. 2017, arXiv:1706.02515, eq. 2
  silu,  // x sigmoid(x)
};

/// Hugging Face's names: gelu, gelu_new, gelu_pytorch_tanh, relu, selu, silu, swish. ConfigError
/// lists them.
Activation parse_activation(const std::string& name);

/// y = f(x), in fp32 or wider. Any shape; same dtype. Traffic: 2 * x.bytes().
Tensor activation(const Tensor& x, Activation kind);
/// dx = dy f'(x).
Tensor activation_backward(const Tensor& dy, const Tensor& x, Activation kind);

namespace kernels {
void activation_forward(Cpu&, const Tensor& x, Activation kind, Tensor& y);
void activation_forward(Cuda&, const Tensor& x, Activation kind, Tensor& y);
void activation_backward(Cpu&, const Tensor& dy, const Tensor& x, Activation kind, Tensor& dx);
void activation_backward(Cuda&, const Tensor& dy, const Tensor& x, Activation kind, Tensor& dx);
}  // namespace kernels

}  // namespace vicinity
