#include "core/ops/label_rank.h"

namespace vicinity::kernels {

void label_rank(Cpu& cpu, const Tensor& logits, const Tensor& labels, Tensor& ranks) {
  const int64_t classes = logits.dim(1);
  for_float_dtype(logits.dtype(), [&]<class T>() {
    using C = Compute<T>;
    cpu.parallel_rows(logits.dim(0), classes, [&](int64_t row) {
      const T* in = logits.data<T>() + row * classes;
      const int32_t label = labels.data<int32_t>()[row];
      const C own = static_cast<C>(in[label]);
      int32_t before = 0;
      for (int64_t k = 0; k < classes; ++k) {
        const C other = static_cast<C>(in[k]);
        before += other > own || (other == own && k < label);
      }
      ranks.data<int32_t>()[row] = before;
    });
  });
}

}  // namespace vicinity::kernels
