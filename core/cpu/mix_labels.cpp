#include "core/ops/mix_labels.h"

namespace vicinity::kernels {

void mix_labels(Cpu&, const Tensor& labels, const Tensor& weight, MixedLabels& mixed) {
  const int64_t count = labels.size();
  const int32_t* own = labels.data<int32_t>();
  for (int64_t i = 0; i < count; ++i) {
    const int32_t partner = own[count - 1 - i];
    mixed.partner.data<int32_t>()[i] = partner;
    mixed.heavier.data<int32_t>()[i] = weight.data<float>()[i] >= 0.5f ? own[i] : partner;
  }
}

}  // namespace vicinity::kernels
