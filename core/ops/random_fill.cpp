#include "core/ops/random_fill.h"

namespace vicinity {

void normal_(Tensor& x, double deviation, const RandomStream& stream) {
  if (x.size() == 0) return;
  const Cost cost{40.0 * static_cast<double>(x.size()), static_cast<double>(x.bytes())};
  on_device("normal_", x.device(), cost,
            [&](auto& context) { kernels::normal_forward(context, deviation, stream, x); });
}

void uniform_(Tensor& x, double low, double high, const RandomStream& stream) {
  if (x.size() == 0) return;
  const Cost cost{25.0 * static_cast<double>(x.size()), static_cast<double>(x.bytes())};
  on_device("uniform_", x.device(), cost,
            [&](auto& context) { kernels::uniform_forward(context, low, high, stream, x); });
}

}  // namespace vicinity
