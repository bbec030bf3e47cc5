#include "core/cpu/dnnl.h"

#include <omp.h>

#include <array>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

namespace vicinity::kernels {
namespace {

// Everything that a primitive is made from: no memory is asked for to look one up.
using Key = std::array<int64_t, 22>;

Key key_of(const MatmulSize& s, const Matrix& a, const Matrix& b, const Matrix& c, bool bias,
           int threads) {
  Key key = {s.outer, s.batch, s.m, s.n, s.k, bias ? 1 : 0, threads};
  size_t at = 7;
  for (const Matrix* m : {&a, &b, &c}) {
    for (const int64_t part : {static_cast<int64_t>(m->dtype), m->row_stride, m->col_stride,
                               m->batch_stride, m->outer_stride})
      key[at++] = part;
  }
  return key;
}

dnnl::memory::data_type type_of(DType dtype) {
  VIC_ASSERT(dtype == DType::f32 || dtype == DType::bf16, "oneDNN product of ", dtype);
  return dtype == DType::f32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
}

dnnl::engine& engine() {
  static dnnl::engine instance(dnnl::engine::kind::cpu, 0);
  return instance;
}

dnnl::stream& stream() {
  thread_local dnnl::stream instance(engine());
  return instance;
}

dnnl::memory::desc describe(const Matrix& m, const MatmulSize& s, int64_t rows, int64_t cols) {
  if (s.outer > 1) {
    return {{s.outer, s.batch, rows, cols},
            type_of(m.dtype),
            {m.outer_stride, m.batch_stride, m.row_stride, m.col_stride}};
  }
  if (s.batch > 1)
    return {{s.batch, rows, cols}, type_of(m.dtype), {m.batch_stride, m.row_stride, m.col_stride}};
  return {{rows, cols}, type_of(m.dtype), {m.row_stride, m.col_stride}};
}

struct Product {
  dnnl::matmul primitive;
  dnnl::memory a, b, c, bias;
  std::unordered_map<int, dnnl::memory> arguments;  // the same memories, and scratch
};

Product make_product(const MatmulSize& s, const Matrix& a, const Matrix& b, const Matrix& c,
                     bool with_bias) {
  const auto da = describe(a, s, s.m, s.k), db = describe(b, s, s.k, s.n),
             dc = describe(c, s, s.m, s.n);
  dnnl::memory::dims bias_dims(da.dims().size(), 1), bias_strides(da.dims().size(), s.n);
  bias_dims.back() = s.n;
  bias_strides.back() = 1;
  const dnnl::memory::desc dbias(bias_dims, dnnl::memory::data_type::f32, bias_strides);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::desc what =
      with_bias ? dnnl::matmul::desc(da, db, dbias, dc) : dnnl::matmul::desc(da, db, dc);
  const dnnl::matmul::primitive_desc how(what, attributes, engine());
  Product p{dnnl::matmul(how),       {da, engine(), nullptr},    {db, engine(), nullptr},
            {dc, engine(), nullptr}, {dbias, engine(), nullptr}, {}};
  p.arguments = {{DNNL_ARG_SRC, p.a},
                 {DNNL_ARG_WEIGHTS, p.b},
                 {DNNL_ARG_DST, p.c},
                 {DNNL_ARG_SCRATCHPAD, {how.scratchpad_desc(), engine()}}};
  if (with_bias) p.arguments.insert({DNNL_ARG_BIAS, p.bias});
  return p;
}

// Each thread that multiplies keeps primitives of its own, so the cache needs no lock.
Product& cached_product(const Key& key, const MatmulSize& s, const Matrix& a, const Matrix& b,
                        const Matrix& c, bool bias) {
  thread_local std::map<Key, Product> cache;
  const auto found = cache.find(key);
  if (found != cache.end()) return found->second;
  return cache.emplace(key, make_product(s, a, b, c, bias)).first->second;
}

// Offset of row `row` of all rows of a batched matrix.
int64_t row_offset(const Matrix& m, const MatmulSize& s, int64_t row, int64_t rows) {
  const int64_t plane = row / rows;
  return plane / s.batch * m.outer_stride + plane % s.batch * m.batch_stride +
         row % rows * m.row_stride;
}

void multiply_f64(Cpu& cpu, const MatmulSize& s, const Matrix& a, const Matrix& b, const Matrix& c,
                  const double* bias) {
  cpu.parallel_for(s.outer * s.batch * s.m, [&](int64_t row) {
    const double* pa = static_cast<const double*>(a.data) + row_offset(a, s, row, s.m);
    const double* pb = static_cast<const double*>(b.data) + row_offset(b, s, row / s.m, 1);
    double* pc = static_cast<double*>(c.data) + row_offset(c, s, row, s.m);
    for (int64_t j = 0; j < s.n; ++j) {
      double sum = bias != nullptr ? bias[j] : 0;
      for (int64_t k = 0; k < s.k; ++k)
        sum += pa[k * a.col_stride] * pb[k * b.row_stride + j * b.col_stride];
      pc[j * c.col_stride] = sum;
    }
  });
}

// Rows from `row` on of one matrix of a batch.
Matrix part_of(Matrix m, const MatmulSize& s, int64_t plane, int64_t row) {
  const int64_t offset =
      plane / s.batch * m.outer_stride + plane % s.batch * m.batch_stride + row * m.row_stride;
  m.data = static_cast<char*>(m.data) + offset * static_cast<int64_t>(size_of(m.dtype));
  m.outer_stride = m.batch_stride = 0;
  return m;
}

// A dense f32 copy of a bf16 matrix, by rows or by columns as the matrix itself lies in memory.
Matrix widened(const Matrix& m, int64_t rows, int64_t cols, float* out) {
  const bool by_rows = m.col_stride == 1;
  const int64_t lines = by_rows ? rows : cols, length = by_rows ? cols : rows;
  const int64_t step = by_rows ? m.row_stride : m.col_stride, unit = by_rows ? 1 : m.row_stride;
  for (int64_t line = 0; line < lines; ++line) {
    const bf16* in = static_cast<const bf16*>(m.data) + line * step;
    for (int64_t i = 0; i < length; ++i) out[line * length + i] = static_cast<float>(in[i * unit]);
  }
  return {out, DType::f32, by_rows ? cols : 1, by_rows ? 1 : rows};
}

void round_rows(const float* in, int64_t rows, int64_t cols, const Matrix& c) {
  for (int64_t row = 0; row < rows; ++row, in += cols) {
    bf16* out = static_cast<bf16*>(c.data) + row * c.row_stride;
    for (int64_t j = 0; j < cols; ++j) out[j * c.col_stride] = bf16(in[j]);
  }
}

void execute(const MatmulSize& s, const Matrix& a, const Matrix& b, const Matrix& c,
             const void* bias, int threads) {
  Product& p =
      cached_product(key_of(s, a, b, c, bias != nullptr, threads), s, a, b, c, bias != nullptr);
  p.a.set_data_handle(a.data, stream());
  p.b.set_data_handle(b.data, stream());
  p.c.set_data_handle(c.data, stream());
  if (bias != nullptr) {
    p.bias.set_data_handle(const_cast<void*>(bias),
                           stream());  // read only, but oneDNN's handles are not const
  }
  p.primitive.execute(stream(), p.arguments);
  stream().wait();
}

// Below avx512_bf16, oneDNN splits the inner axis by the number of threads. Blocks of rows, a
// function of the shape, each on one thread, give bits that do not depend on it. bf16, which it
// refuses or emulates there, is widened block by block and multiplied in f32.
void multiply_in_blocks(Cpu& cpu, const MatmulSize& s, const Matrix& a, const Matrix& b,
                        const Matrix& c, const void* bias) {
  const int64_t planes = s.outer * s.batch, height = std::clamp<int64_t>((s.m + 15) / 16, 32, 256),
                blocks = (s.m + height - 1) / height;
  const bool wide_b = b.dtype == DType::bf16;
  Tensor holder = wide_b ? empty({planes, s.k * s.n}, DType::f32) : Tensor();
  std::vector<Matrix> right(static_cast<size_t>(planes));
  cpu.parallel_for(planes, [&](int64_t plane) {
    const Matrix pb = part_of(b, s, plane, 0);
    right[static_cast<size_t>(plane)] =
        wide_b ? widened(pb, s.k, s.n, holder.data<float>() + plane * s.k * s.n) : pb;
  });
  cpu.parallel_for(planes * blocks, [&](int64_t task) {
    const int64_t plane = task / blocks, first = task % blocks * height,
                  rows = std::min(height, s.m - first);
    thread_local std::vector<float> scratch;
    scratch.resize(static_cast<size_t>(rows * (s.k + s.n)));
    Matrix left = part_of(a, s, plane, first), out = part_of(c, s, plane, first);
    const Matrix result = out;
    if (left.dtype == DType::bf16) left = widened(left, rows, s.k, scratch.data());
    if (out.dtype == DType::bf16) out = {scratch.data() + rows * s.k, DType::f32, s.n};
    omp_set_num_threads(1);
    execute({1, rows, s.n, s.k, 1}, left, right[static_cast<size_t>(plane)], out, bias, 1);
    if (out.data != result.data) round_rows(static_cast<const float*>(out.data), rows, s.n, result);
  });
}

bool must_widen(const Matrix& a, const Matrix& b) {
  return (a.dtype == DType::bf16 || b.dtype == DType::bf16) && cpu_isa() != Isa::avx512_bf16;
}

}  // namespace

void matmul(Cpu& cpu, const MatmulSize& s, const Matrix& a, const Matrix& b, const Matrix& c,
            const void* bias) {
  if (c.dtype == DType::f64) return multiply_f64(cpu, s, a, b, c, static_cast<const double*>(bias));
  if (cpu.isa() == Isa::avx2 || must_widen(a, b)) return multiply_in_blocks(cpu, s, a, b, c, bias);
  omp_set_num_threads(cpu.threads());
  execute(s, a, b, c, bias, cpu.threads());
}

void matmul_on_one_thread(const MatmulSize& s, const Matrix& a, const Matrix& b, const Matrix& c) {
  static thread_local Cpu alone = [] {
    Cpu one;
    one.set_threads(1);
    return one;
  }();
  if (c.dtype == DType::f64) return multiply_f64(alone, s, a, b, c, nullptr);
  if (must_widen(a, b)) return multiply_in_blocks(alone, s, a, b, c, nullptr);
  omp_set_num_threads(1);  // in a team too: oneDNN plans for as many threads as it could have
  execute(s, a, b, c, nullptr, 1);
}

}  // namespace vicinity::kernels
