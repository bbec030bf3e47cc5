#include "models/layers/linear.h"

#include <cmath>

#include "autograd/ops/linear.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

// ("query", "key") + "weight" -> "query.weight|key.weight"
std::string names(const std::vector<std::string>& parts, const std::string& kind) {
  std::vector<std::string> all;
  for (const std::string& part : parts) all.push_back(part.empty() ? kind : part + "." + kind);
  return join(all, "|");
}

// As PyTorch's Linear starts. At 0.02 a narrow layer's output is small beside the residual stream,
// and the blocks take epochs to wake up.
Init fan_in(int64_t in) { return Init::uniform(1 / std::sqrt(static_cast<double>(in))); }

}  // namespace

Linear::Linear(int64_t in, int64_t out, bool bias, std::vector<std::string> parts)
    : parts_(std::move(parts)),
      weight_({out, in}, {Init::normal(0.02), Init::normal(0.02), fan_in(in)}),
      bias_({out}, {Init::constant(0), Init::constant(0)}),
      has_bias_(bias) {
  weight_.used_in_products();
}

Linear& Linear::on_means() {
  weight_.used_in_products(false);
  return *this;
}

Variable Linear::operator()(const Variable& x, const Pass&) const {
  return linear(x, weight_.use(x.dtype()), has_bias_ ? bias_.master() : Variable());
}

void Linear::parameters(ParameterVisitor& v) {
  v(names(parts_, "weight"), weight_);
  if (has_bias_) v(names(parts_, "bias"), bias_);
}

}  // namespace vicinity
