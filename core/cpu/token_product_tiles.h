// The loops of token_product for one instruction set. Everything here has internal linkage, since
// files with different compiler flags include it. `Op` says what a vector is:
//   Element, Vector, kLanes, kMaxRows, zero, load, load_some, broadcast, multiply_add, load_sum,
//   load_some_sum, store, store_some.
#pragma once

#include "core/cpu/token_product.h"

namespace vicinity::kernels {
namespace {

// What the next block of tokens will read, fetched into the second-level cache step by step.
struct Ahead {
  const char* next;
  int64_t bytes_per_step;

  void fetch(int64_t step) const { __builtin_prefetch(next + step * bytes_per_step, 0, 2); }
};

// Part of a product: `steps` rows of a [steps, a_stride] and b [steps, b_stride] -> c [.,
// c_stride].
template <class Op>
struct Tile {
  const typename Op::Element *a, *b;
  int64_t a_stride, b_stride, steps;
  float* c;
  int64_t c_stride;
  bool first;   // c is written, not added to
  int columns;  // of at most 2 * Op::kLanes
  Ahead a_ahead, b_ahead;
};

// kRows x 2 vectors of sums stay in registers for all steps.
template <class Op, int kRows, bool kWhole>
void multiply_tile(const Tile<Op>& t) {
  using Vector = typename Op::Vector;
  const int left = t.columns < Op::kLanes ? t.columns : Op::kLanes, right = t.columns - left;
  Vector sums[kRows][2];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const float* c = t.c + r * t.c_stride;
    if (t.first) {
      sums[r][0] = sums[r][1] = Op::zero();
    } else {
      sums[r][0] = kWhole ? Op::load_sum(c) : Op::load_some_sum(c, left);
      sums[r][1] = kWhole ? Op::load_sum(c + Op::kLanes) : Op::load_some_sum(c + Op::kLanes, right);
    }
  }
  const typename Op::Element *a = t.a, *b = t.b;
  for (int64_t step = 0; step < t.steps; ++step, a += t.a_stride, b += t.b_stride) {
    t.a_ahead.fetch(step);
    t.b_ahead.fetch(step);
    const auto b0 = kWhole ? Op::load(b) : Op::load_some(b, left);
    const auto b1 = kWhole ? Op::load(b + Op::kLanes) : Op::load_some(b + Op::kLanes, right);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const auto ar = Op::broadcast(a + r);
      sums[r][0] = Op::multiply_add(ar, b0, sums[r][0]);
      sums[r][1] = Op::multiply_add(ar, b1, sums[r][1]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    float* c = t.c + r * t.c_stride;
    if (kWhole) {
      Op::store(c, sums[r][0]);
      Op::store(c + Op::kLanes, sums[r][1]);
    } else {
      Op::store_some(c, sums[r][0], left);
      Op::store_some(c + Op::kLanes, sums[r][1], right);
    }
  }
}

template <class Op, int kRows>
void multiply_rows(const Tile<Op>& t, int64_t rows) {
  if (rows == kRows) {
    t.columns == 2 * Op::kLanes ? multiply_tile<Op, kRows, true>(t)
                                : multiply_tile<Op, kRows, false>(t);
  } else if constexpr (kRows > 1) {
    multiply_rows<Op, kRows - 1>(t, rows);
  }
}

// All of c [outputs, inputs] for one block of steps. Rows are cut into tiles of nearly equal
// height.
template <class Op>
void multiply_block(Tile<Op> all, int64_t outputs, int64_t inputs) {
  constexpr int64_t kWidth = 2 * Op::kLanes;
  const int64_t tiles = (outputs + Op::kMaxRows - 1) / Op::kMaxRows;
  const int64_t all_tiles = tiles * ((inputs + kWidth - 1) / kWidth);
  all.a_ahead.bytes_per_step = all.a_ahead.bytes_per_step / all_tiles + 1;
  all.b_ahead.bytes_per_step = all.b_ahead.bytes_per_step / all_tiles + 1;
  for (int64_t k = 0; k < inputs; k += kWidth) {
    for (int64_t i = 0; i < tiles; ++i) {
      const int64_t n = i * outputs / tiles, end = (i + 1) * outputs / tiles;
      Tile<Op> t = all;
      t.a += n;
      t.b += k;
      t.c += n * all.c_stride + k;
      t.columns = static_cast<int>(inputs - k < kWidth ? inputs - k : kWidth);
      multiply_rows<Op, Op::kMaxRows>(t, end - n);
      all.a_ahead.next += all.steps * all.a_ahead.bytes_per_step;
      all.b_ahead.next += all.steps * all.b_ahead.bytes_per_step;
    }
  }
}

// A matrix from row `from` on, of which each step of this block stands for `stride_per_step`
// elements.
template <class T>
Ahead ahead_of(const T* from, int64_t stride_per_step) {
  return {reinterpret_cast<const char*>(from), stride_per_step * static_cast<int64_t>(sizeof(T))};
}

// The whole product, in blocks of tokens that stay in the second-level cache while c passes by.
template <class Op>
void multiply_tokens(const TokenProduct<float>& p) {
  for (int64_t begin = 0; begin < p.tokens; begin += kBlockSteps) {
    const int64_t steps = p.tokens - begin < kBlockSteps ? p.tokens - begin : kBlockSteps;
    const float *dy = p.dy + begin * p.dy_stride, *x = p.x + begin * p.x_stride;
    multiply_block<Op>({dy, x, p.dy_stride, p.x_stride, steps, p.out, p.out_stride, begin == 0, 0,
                        ahead_of(dy + steps * p.dy_stride, p.dy_stride),
                        ahead_of(x + steps * p.x_stride, p.x_stride)},
                       p.outputs, p.inputs);
  }
}

void widen(const bf16* in, int64_t stride, int64_t rows, int64_t width, float* out) {
  for (int64_t row = 0; row < rows; ++row, in += stride, out += width) {
    for (int64_t i = 0; i < width; ++i) out[i] = static_cast<float>(in[i]);
  }
}

// The same for bf16 operands where the CPU multiplies f32 only.
template <class Op>
void multiply_widened(const TokenProduct<bf16>& p, float* scratch) {
  float *a = scratch, *b = scratch + kBlockSteps * p.outputs;
  for (int64_t begin = 0; begin < p.tokens; begin += kBlockSteps) {
    const int64_t steps = p.tokens - begin < kBlockSteps ? p.tokens - begin : kBlockSteps;
    const bf16 *dy = p.dy + begin * p.dy_stride, *x = p.x + begin * p.x_stride;
    widen(dy, p.dy_stride, steps, p.outputs, a);
    widen(x, p.x_stride, steps, p.inputs, b);
    multiply_block<Op>({a, b, p.outputs, p.inputs, steps, p.out, p.out_stride, begin == 0, 0,
                        ahead_of(dy + steps * p.dy_stride, p.dy_stride),
                        ahead_of(x + steps * p.x_stride, p.x_stride)},
                       p.outputs, p.inputs);
  }
}

}  // namespace
}  // namespace vicinity::kernels
