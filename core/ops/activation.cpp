#include "core/ops/activation.h"

#include <map>

#include "core/base/text.h"

namespace vicinity {

Activation parse_activation(const std::string& name) {
  static const std::map<std::string, Activation> names = {
      {"gelu", Activation::gelu},
      {"gelu_new", Activation::gelu_tanh},
      {"gelu_pytorch_tanh", Activation::gelu_tanh},
      {"relu", Activation::relu},
      {"selu", Activation::selu},
      {"silu", Activation::silu},
      {"swish", Activation::silu}};
  const auto found = names.find(name);
  if (found != names.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [key, kind] : names) known.push_back(key);
  VIC_FAIL(ConfigError, "unknown activation '", name, "'; there are ", join(known, ", "));
}

Tensor activation(const Tensor& x, Activation kind) {
  Tensor y = empty_like(x);
  if (x.size() > 0) {
    on_device("activation", x.device(),
              {20 * static_cast<double>(x.size()), 2 * static_cast<double>(x.bytes())},
              [&](auto& context) { kernels::activation_forward(context, x, kind, y); });
  }
  return y;
}

Tensor activation_backward(const Tensor& dy, const Tensor& x, Activation kind) {
  VIC_CHECK(ShapeError, dy.shape() == x.shape(), "activation_backward: dy ", dy.shape(), ", x ",
            x.shape());
  VIC_CHECK(DTypeError, dy.dtype() == x.dtype(), "activation_backward: dy is ", dy.dtype(),
            ", x is ", x.dtype());
  Tensor dx = empty_like(x);
  if (x.size() > 0) {
    on_device("activation_backward", x.device(),
              {30 * static_cast<double>(x.size()), 3 * static_cast<double>(x.bytes())},
              [&](auto& context) { kernels::activation_backward(context, dy, x, kind, dx); });
  }
  return dx;
}

}  // namespace vicinity
