#include "core/ops/attention.h"

namespace vicinity {
namespace {

void check(const Tensor& qkv, int64_t heads) {
  const bool fits = qkv.rank() == 3 && heads > 0 && qkv.dim(2) % (3 * heads) == 0;
  VIC_CHECK(ShapeError, fits, "attention: qkv ", qkv.shape(), " [B, N, 3C] does not divide into ",
            heads, " heads");
}

Cost cost_of(const Tensor& qkv, double products, double passes) {
  const auto pairs = static_cast<double>(qkv.dim(0) * qkv.dim(1) * qkv.dim(1));
  return {2 * products * pairs * static_cast<double>(qkv.dim(2) / 3),
          passes * static_cast<double>(qkv.bytes())};
}

}  // namespace

Tensor attention(const Tensor& qkv, int64_t heads) {
  check(qkv, heads);
  Tensor out = empty(qkv.shape().with_last(qkv.dim(2) / 3), qkv.dtype(), qkv.device());
  if (out.size() > 0) {
    on_device("attention", qkv.device(), cost_of(qkv, 2, 4.0 / 3),
              [&](auto& context) { kernels::attention_forward(context, qkv, heads, out); });
  }
  return out;
}

Tensor attention_backward(const Tensor& dout, const Tensor& qkv, int64_t heads) {
  check(qkv, heads);
  Tensor dqkv = empty_like(qkv);
  if (dqkv.size() > 0) {
    on_device("attention_backward", qkv.device(), cost_of(qkv, 5, 7.0 / 3),
              [&](auto& context) { kernels::attention_backward(context, dout, qkv, heads, dqkv); });
  }
  return dqkv;
}

Tensor attention_probabilities(const Tensor& qkv, int64_t heads) {
  check(qkv, heads);
  Tensor p =
      empty({qkv.dim(0), heads, qkv.dim(1), qkv.dim(1)}, accumulator_of(qkv.dtype()), qkv.device());
  Cost cost = cost_of(qkv, 1, 2.0 / 3);  // q and k
  cost.bytes += static_cast<double>(p.bytes());
  if (p.size() > 0) {
    on_device("attention_probabilities", qkv.device(), cost,
              [&](auto& context) { kernels::attention_probabilities(context, qkv, heads, p); });
  }
  return p;
}

}  // namespace vicinity
