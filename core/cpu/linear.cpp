// Matrix products on the CPU: oneDNN, but for weight gradients, where it is slow at narrow layers
// and splits sums by the thread count.
#include "core/ops/linear.h"

#include <algorithm>

#include "core/cpu/dnnl.h"
#include "core/cpu/token_product.h"
#include "core/cpu/transpose.h"

namespace vicinity::kernels {
namespace {

Matrix rows_of(const Tensor& x) { return {x.raw(), x.dtype(), x.dim(-1), 1, 0, 0}; }

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

// How a weight gradient is cut: chunks of tokens, each with partial sums of its own, and bands of
// outputs. About 16 pieces to balance cores; no chunk below 512 tokens, no band below 48 outputs. A
// function of the shape only.
struct Pieces {
  int64_t bands, chunks, height;

  Pieces(int64_t rows, int64_t outputs) {
    const int64_t most = std::max<int64_t>(1, rows / 512);
    bands = std::clamp<int64_t>(16 / most, (outputs + 191) / 192, (outputs + 47) / 48);
    chunks = std::clamp<int64_t>(16 / bands, 1, most);
    height = (rows + chunks - 1) / chunks;
    chunks = (rows + height - 1) / height;
  }
};

template <class T>
void multiply_tokens(Cpu& cpu, const Tensor& dy, const Tensor& x, Tensor& dw) {
  const int64_t rows = x.rows(), n = dw.dim(0), k = dw.dim(1);
  const Pieces pieces(rows, n);
  Tensor partials = pieces.chunks == 1 ? dw : empty({pieces.chunks, n, k}, DType::f32);
  cpu.parallel_for(pieces.chunks * pieces.bands, [&](int64_t task) {
    const int64_t chunk = task / pieces.bands, band = task % pieces.bands;
    const int64_t begin = band * n / pieces.bands, end = (band + 1) * n / pieces.bands;
    const int64_t first = chunk * pieces.height;
    token_product(TokenProduct<T>{dy.data<T>() + first * n + begin, n, x.data<T>() + first * k, k,
                                  std::min(pieces.height, rows - first), end - begin, k,
                                  partials.data<float>() + (chunk * n + begin) * k, k});
  });
  if (pieces.chunks > 1) sum_partials(cpu, partials.data<float>(), pieces.chunks, dw);
}

// Chunks of tokens as a batched product, in which oneDNN never splits the inner axis by the number
// of threads.
void multiply_chunks(Cpu& cpu, const Tensor& dy, const Tensor& x, Tensor& dw) {
  const int64_t rows = x.rows(), n = dw.dim(0), k = dw.dim(1);
  const int64_t most = std::clamp<int64_t>((int64_t{1} << 22) / (n * k), 1, 16);
  const int64_t chunks = std::clamp<int64_t>(rows / 256, 1, most);
  const int64_t height = (rows + chunks - 1) / chunks, whole = rows / height, rest = rows % height;
  Tensor partials = empty({std::max<int64_t>(whole + (rest > 0), 2), n, k}, DType::f32);
  const auto product = [&](int64_t first, int64_t batch, int64_t tokens) {
    const auto from = static_cast<size_t>(first * height);
    const Matrix a{dy.raw() + from * static_cast<size_t>(n) * size_of(dy.dtype()), dy.dtype(), 1, n,
                   tokens * n};
    const Matrix b{x.raw() + from * static_cast<size_t>(k) * size_of(x.dtype()), x.dtype(), k, 1,
                   tokens * k};
    const Matrix out{partials.slice(first, first + 1).raw(), DType::f32, k, 1, n * k};
    matmul(cpu, {batch, n, k, tokens, 1}, a, b, out);
  };
  product(0, whole, height);
  if (rest > 0) product(whole, 1, rest);
  sum_partials(cpu, partials.data<float>(), whole + (rest > 0), dw);
}

// Tiles of a wide gradient, as few as keep every core busy and both operands' blocks in the
// second-level cache: each packs its columns of both anew. A sum's order is that of the tokens,
// however it is cut.
void multiply_wide(Cpu& cpu, const Tensor& dy, const Tensor& x, Tensor& dw) {
  constexpr int64_t kWidest = 1280, kNarrowest = 96;
  const int64_t rows = x.rows(), n = dw.dim(0), k = dw.dim(1), threads = cpu.threads();
  int64_t down = 1, across = 1;
  const auto more = [&] {
    if (n / down + k / across > kWidest) return true;
    const int64_t tiles = down * across;
    return (tiles < threads || (tiles % threads != 0 && tiles < 4 * threads)) &&
           std::max(n / down, k / across) >= 2 * kNarrowest;
  };
  while (more()) (n * across >= k * down ? down : across) *= 2;
  cpu.parallel_for(down * across, [&](int64_t task) {
    const int64_t i = task / across, j = task % across;
    const int64_t top = i * n / down, bottom = (i + 1) * n / down;
    const int64_t left = j * k / across, right = (j + 1) * k / across;
    token_product(TokenProduct<bf16>{dy.data<bf16>() + top, n, x.data<bf16>() + left, k, rows,
                                     bottom - top, right - left, dw.data<float>() + top * k + left,
                                     k});
  });
}

// Tiles of the gradient, each a whole product of oneDNN's on one thread. 4 to 16 of them, powers of
// two, so that they balance, and twice as wide as high, since each packs its columns of both
// operands anew. A function of the shape only.
void multiply_tiles(Cpu& cpu, const Tensor& dy, const Tensor& x, Tensor& dw) {
  const int64_t rows = x.rows(), n = dw.dim(0), k = dw.dim(1);
  int64_t down = 1, across = 1;
  const auto more = [&] {
    const int64_t tiles = down * across;
    return tiles < 4 || (tiles < 16 && n * k >= 2 * tiles * 192 * 384);
  };
  while (more()) (2 * n * across >= k * down ? down : across) *= 2;
  cpu.parallel_for(down * across, [&](int64_t task) {
    const int64_t i = task / across, j = task % across;
    const int64_t top = i * n / down, bottom = (i + 1) * n / down;
    const int64_t left = j * k / across, right = (j + 1) * k / across;
    const size_t size = size_of(x.dtype());
    const Matrix a{dy.raw() + static_cast<size_t>(top) * size, dy.dtype(), 1, n};
    const Matrix b{x.raw() + static_cast<size_t>(left) * size, x.dtype(), k, 1};
    const Matrix out{dw.data<float>() + top * k + left, DType::f32, k, 1};
    matmul_on_one_thread({1, bottom - top, right - left, rows, 1}, a, b, out);
  });
}

// Measured on Zen 4 and 5 in f32: oneDNN's kernels are ahead where both sides are wide (Zen 4, dW
// of 384 x 1536: 163 to 187 GFLOP/s; Zen 5, 384 x 128: 492 to 524), our own by 10 to 40 % where one
// is 64; with AVX2 at narrow ones only.
void multiply_f32(Cpu& cpu, const Tensor& dy, const Tensor& x, Tensor& dw) {
  const int64_t narrow = std::min(dw.dim(0), dw.dim(1));
  if (narrow >= 128) return multiply_tiles(cpu, dy, x, dw);
  if (cpu_isa() == Isa::avx2 && narrow > 96) return multiply_chunks(cpu, dy, x, dw);
  multiply_tokens<float>(cpu, dy, x, dw);
}

// Matrix units (AMX) are oneDNN's.
void multiply_bf16(Cpu& cpu, const Tensor& dy, const Tensor& x, Tensor& dw) {
  const bool wide = std::min(dw.dim(0), dw.dim(1)) >= 128;
  if (__builtin_cpu_supports("amx-bf16") && cpu_isa() == Isa::avx512_bf16)
    return wide ? multiply_tiles(cpu, dy, x, dw) : multiply_chunks(cpu, dy, x, dw);
  wide ? multiply_wide(cpu, dy, x, dw) : multiply_tokens<bf16>(cpu, dy, x, dw);
}

}  // namespace

// oneDNN's f32 product is 3 to 8 % faster where the second matrix lies by rows, if that is not
// large. To transpose it costs 2 % of a product of 2,000 tokens.
void linear_forward(Cpu& cpu, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y) {
  Matrix right{w.raw(), w.dtype(), 1, w.dim(1), 0, 0};
  Tensor transposed;
  if (w.dtype() == DType::f32 && x.rows() >= 1024 && w.size() <= 1 << 20) {
    transposed = empty({w.dim(1), w.dim(0)}, DType::f32);
    transpose(cpu, w, transposed);
    right = rows_of(transposed);
  }
  matmul(cpu, {1, x.rows(), w.dim(0), w.dim(1), 1}, rows_of(x), right, rows_of(y),
         bias.defined() ? bias.raw() : nullptr);
}

void linear_backward_input(Cpu& cpu, const Tensor& dy, const Tensor& w, Tensor& dx) {
  matmul(cpu, {1, dy.rows(), w.dim(1), w.dim(0), 1}, rows_of(dy), rows_of(w), rows_of(dx));
}

void linear_backward_weight(Cpu& cpu, const Tensor& dy, const Tensor& x, Tensor& dw) {
  const int64_t n = dw.dim(0), k = dw.dim(1);
  if (dw.dtype() == DType::f64)
    return matmul(cpu, {1, n, k, x.rows(), 1}, {dy.raw(), DType::f64, 1, n}, rows_of(x),
                  rows_of(dw));
  x.dtype() == DType::bf16 ? multiply_bf16(cpu, dy, x, dw) : multiply_f32(cpu, dy, x, dw);
}

}  // namespace vicinity::kernels
