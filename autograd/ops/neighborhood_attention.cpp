#include "autograd/ops/neighborhood_attention.h"

#include "autograd/record.h"

namespace vicinity {

Variable neighborhood_attention(const Variable& qkv, const Variable& rpb,
                                const NeighborhoodWindow& window) {
  return record("neighborhood_attention", neighborhood_attention(qkv.value(), rpb.value(), window),
                {qkv, rpb},
                [qkv = qkv.value(), rpb = rpb.value(), window](const Tensor& dout,
                                                               const Needs& needs) -> Grads {
                  NeighborhoodAttentionGrads grads =
                      neighborhood_attention_backward(dout, qkv, rpb, window, needs.sink(1));
                  return {grads.dqkv, grads.drpb};
                });
}

}  // namespace vicinity
