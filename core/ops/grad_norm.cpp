#include "core/ops/grad_norm.h"

#include "core/ops/elementwise.h"

namespace vicinity {

Tensor squares_of_chunks(const Tensor& x) {
  const int64_t count = (x.size() + kSquaresChunk - 1) / kSquaresChunk;
  Tensor chunks = empty({count}, DType::f64, x.device());
  if (count == 0) return chunks;
  on_device("squares_of_chunks", x.device(),
            {2 * static_cast<double>(x.size()), static_cast<double>(x.bytes())},
            [&](auto& context) { kernels::squares_of_chunks(context, x, chunks); });
  return chunks;
}

Tensor join_squares(const Tensor& chunks) {
  Tensor y = empty({1}, DType::f64, chunks.device());
  if (chunks.size() == 0) {
    fill_(y, 0);
    return y;
  }
  on_device("join_squares", chunks.device(),
            {static_cast<double>(chunks.size()), static_cast<double>(chunks.bytes())},
            [&](auto& context) { kernels::join_squares(context, chunks, y); });
  return y;
}

Tensor sum_of_squares(const Tensor& x) { return join_squares(squares_of_chunks(x)); }

Tensor grad_scale(const Tensor& sum_of_squares, double clip) {
  Tensor y = empty({1}, DType::f64, sum_of_squares.device());
  on_device("grad_scale", y.device(), {4, 16},
            [&](auto& context) { kernels::grad_scale(context, sum_of_squares, clip, y); });
  return y;
}

}  // namespace vicinity
