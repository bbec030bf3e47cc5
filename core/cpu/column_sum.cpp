// Column sums on the CPU: bound by reading x.
#include "core/ops/column_sum.h"

#include "core/cpu/column_partials.h"

namespace vicinity::kernels {

void column_sum_forward(Cpu& cpu, const Tensor& x, Tensor& y) {
  const int64_t columns = x.dim(-1);
  for_float_dtype(x.dtype(), [&]<class T>() {
    using C = Compute<T>;
    sum_over_rows(cpu, x.rows(), columns, y.data<C>(), [&](int64_t begin, int64_t end, C* partial) {
      for (int64_t row = begin; row < end; ++row) {
        const T* in = x.data<T>() + row * columns;
        for (int64_t c = 0; c < columns; ++c) partial[c] += static_cast<C>(in[c]);
      }
    });
  });
}

}  // namespace vicinity::kernels
