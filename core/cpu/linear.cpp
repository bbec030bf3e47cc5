// Matrix products on the CPU: oneDNN, but for the order of sums of weight gradients, which is ours.
#include "core/ops/linear.h"

#include "core/cpu/dnnl.h"

namespace vicinity::kernels {
namespace {

Matrix rows_of(const Tensor& x) { return {x.raw(), x.dtype(), x.dim(-1), 1, 0, 0}; }

// Chunks of the token axis: enough to balance cores, few enough that partial sums stay cheap beside
// the products. A function of the shape only.
int64_t chunk_rows(int64_t rows, int64_t outputs, int64_t inputs) {
  const int64_t partial =
      outputs * inputs;  // elements that each chunk writes and the final sum reads
  const int64_t most =
      std::clamp<int64_t>((int64_t{1} << 22) / std::max<int64_t>(1, partial), 1, 16);
  const int64_t chunks = std::clamp<int64_t>(rows / 256, 1, most);
  return (rows + chunks - 1) / chunks;
}

// sum over the leading axis, in order.
void sum_partials(Cpu& cpu, const float* partials, int64_t count, Tensor& total) {
  float* out = total.data<float>();
  const int64_t size = total.size();
  cpu.parallel_chunks(size, 1 << 13, [&](int64_t begin, int64_t end) {
    std::copy(partials + begin, partials + end, out + begin);
    for (int64_t p = 1; p < count; ++p) {
      const float* part = partials + p * size;
      for (int64_t i = begin; i < end; ++i) out[i] += part[i];
    }
  });
}

}  // namespace

void linear_forward(Cpu& cpu, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y) {
  const Matrix transposed{w.raw(), w.dtype(), 1, w.dim(1), 0, 0};
  matmul(cpu, {1, x.rows(), w.dim(0), w.dim(1), 1}, rows_of(x), transposed, rows_of(y),
         bias.defined() ? bias.raw() : nullptr);
}

void linear_backward_input(Cpu& cpu, const Tensor& dy, const Tensor& w, Tensor& dx) {
  matmul(cpu, {1, dy.rows(), w.dim(1), w.dim(0), 1}, rows_of(dy), rows_of(w), rows_of(dx));
}

void linear_backward_weight(Cpu& cpu, const Tensor& dy, const Tensor& x, Tensor& dw) {
  const int64_t rows = x.rows(), n = dw.dim(0), k = dw.dim(1);
  const auto step_y = static_cast<int64_t>(size_of(dy.dtype())) * n,
             step_x = static_cast<int64_t>(size_of(x.dtype())) * k;
  const auto product = [&](int64_t first, int64_t batch, int64_t height, const Matrix& out) {
    const Matrix a{dy.raw() + first * step_y, dy.dtype(), 1, n, height * n, 0};
    const Matrix b{x.raw() + first * step_x, x.dtype(), k, 1, height * k, 0};
    matmul(cpu, {batch, n, k, height, 1}, a, b, out);
  };
  const int64_t height = dw.dtype() == DType::f64 ? rows : chunk_rows(rows, n, k);
  const int64_t whole = rows / height, rest = rows % height, count = whole + (rest > 0);
  if (count == 1 && dw.dtype() == DType::f64)
    return product(0, 1, rows, {dw.raw(), dw.dtype(), k, 1, n * k, 0});
  // Two or more equal chunks make a batched product, in which oneDNN never splits the inner axis.
  Tensor partials = empty({std::max<int64_t>(count, 2), n, k}, DType::f32);
  const auto at = [&](int64_t index) {
    return Matrix{partials.slice(index, index + 1).raw(), DType::f32, k, 1, n * k, 0};
  };
  product(0, whole, height, at(0));
  if (rest > 0) product(whole * height, 1, rest, at(whole));
  sum_partials(cpu, partials.data<float>(), count, dw);
}

}  // namespace vicinity::kernels
