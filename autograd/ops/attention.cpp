#include "autograd/ops/attention.h"

#include "autograd/record.h"
#include "core/ops/attention.h"

namespace vicinity {

Variable attention(const Variable& qkv, int64_t heads) {
  return record("attention", attention(qkv.value(), heads), {qkv},
                [qkv = qkv.value(), heads](const Tensor& dout, const Needs&) -> Grads {
                  return {attention_backward(dout, qkv, heads)};
                });
}

}  // namespace vicinity
