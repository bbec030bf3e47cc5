#include "core/ops/neighborhood_attention.h"

namespace vicinity {
namespace {

void check(const Tensor& qkv, const Tensor& rpb, const NeighborhoodWindow& w) {
  VIC_CHECK(ShapeError, qkv.rank() == 4 && w.heads > 0 && qkv.dim(3) % (3 * w.heads) == 0,
            "neighborhood_attention: qkv ", qkv.shape(), " [B, H, W, 3C] does not divide into ",
            w.heads, " heads");
  VIC_CHECK(ShapeError, w.kernel >= 3 && w.kernel % 2 == 1 && w.kernel <= 13,
            "neighborhood_attention: kernel ", w.kernel, " is not an odd number from 3 to 13");
  VIC_CHECK(ShapeError, w.dilation >= 1, "neighborhood_attention: dilation ", w.dilation,
            " is not positive");
  const int64_t reach = w.kernel * w.dilation;
  VIC_CHECK(ShapeError, qkv.dim(1) >= reach && qkv.dim(2) >= reach,
            "neighborhood_attention: window ", w.kernel, " * dilation ", w.dilation, " = ", reach,
            " exceeds the ", qkv.dim(1), " x ", qkv.dim(2), " map of qkv ", qkv.shape());
  const int64_t side = 2 * w.kernel - 1;
  VIC_CHECK(ShapeError, !rpb.defined() || rpb.shape() == Shape({w.heads, side, side}),
            "neighborhood_attention: kernel ", w.kernel, " and ", w.heads, " heads need a bias [",
            w.heads, ", ", side, ", ", side, "], got ", rpb.defined() ? str(rpb.shape()) : "none");
}

Cost cost_of(const Tensor& qkv, const NeighborhoodWindow& w, double products, double passes) {
  const double pairs = static_cast<double>(qkv.rows() * w.kernel * w.kernel);
  return {2 * products * pairs * static_cast<double>(qkv.dim(3) / 3),
          passes * static_cast<double>(qkv.bytes())};
}

}  // namespace

Tensor neighborhood_attention(const Tensor& qkv, const Tensor& rpb,
                              const NeighborhoodWindow& window) {
  check(qkv, rpb, window);
  Tensor out = empty(qkv.shape().with_last(qkv.dim(3) / 3), qkv.dtype(), qkv.device());
  if (out.size() > 0) {
    on_device("neighborhood_attention", qkv.device(), cost_of(qkv, window, 2, 4.0 / 3),
              [&](auto& context) {
                kernels::neighborhood_attention_forward(context, qkv, rpb, window, out);
              });
  }
  return out;
}

NeighborhoodAttentionGrads neighborhood_attention_backward(const Tensor& dout, const Tensor& qkv,
                                                           const Tensor& rpb,
                                                           const NeighborhoodWindow& window,
                                                           const Tensor& drpb) {
  check(qkv, rpb, window);
  NeighborhoodAttentionGrads grads{empty_like(qkv)};
  if (rpb.defined()) grads.drpb = empty_or(drpb, rpb.shape(), rpb.dtype(), rpb.device());
  if (qkv.size() > 0) {
    on_device("neighborhood_attention_backward", qkv.device(), cost_of(qkv, window, 5, 7.0 / 3),
              [&](auto& context) {
                kernels::neighborhood_attention_backward(context, dout, qkv, rpb, window, grads);
              });
  }
  return grads;
}

Tensor neighborhood_attention_probabilities(const Tensor& qkv, const Tensor& rpb,
                                            const NeighborhoodWindow& window) {
  check(qkv, rpb, window);
  Tensor p =
      empty({qkv.dim(0), window.heads, qkv.dim(1), qkv.dim(2), window.kernel * window.kernel},
            accumulator_of(qkv.dtype()), qkv.device());
  Cost cost = cost_of(qkv, window, 1, 2.0 / 3);  // q and k
  cost.bytes += static_cast<double>(p.bytes());
  if (p.size() > 0) {
    on_device("neighborhood_attention_probabilities", qkv.device(), cost, [&](auto& context) {
      kernels::neighborhood_attention_probabilities(context, qkv, rpb, window, p);
    });
  }
  return p;
}

}  // namespace vicinity
