// Compiled for AVX-512 with bf16; called only where cpuid says so. The f32 version needs AVX-512
// alone.
#include <immintrin.h>

#include "core/cpu/token_product.h"
#include "core/cpu/token_product_tiles.h"

namespace vicinity::kernels {
namespace {

int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// Lanes of a vector of 16.
__mmask16 first(int64_t count) { return static_cast<__mmask16>((1u << least(count, 16)) - 1u); }

// Sums are f32 whatever the operands are.
struct Avx512Sums {
  using Vector = __m512;
  static constexpr int kLanes = 16, kMaxRows = 12;

  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector load_sum(const float* p) { return _mm512_loadu_ps(p); }
  static Vector load_some_sum(const float* p, int n) { return _mm512_maskz_loadu_ps(first(n), p); }
  static void store(float* p, Vector v) { _mm512_storeu_ps(p, v); }
  static void store_some(float* p, Vector v, int n) { _mm512_mask_storeu_ps(p, first(n), v); }
};

struct Avx512 : Avx512Sums {
  using Element = float;
  static Vector load(const float* p) { return _mm512_loadu_ps(p); }
  static Vector load_some(const float* p, int n) { return load_some_sum(p, n); }
  static Vector broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
};

// An element is a pair of bf16: two tokens.
struct Avx512Pairs : Avx512Sums {
  using Element = uint32_t;
  static __m512i load(const uint32_t* p) { return _mm512_loadu_si512(p); }
  static __m512i load_some(const uint32_t* p, int n) {
    return _mm512_maskz_loadu_epi32(first(n), p);
  }
  static __m512i broadcast(const uint32_t* p) { return _mm512_set1_epi32(static_cast<int>(*p)); }
  static Vector multiply_add(__m512i a, __m512i b, Vector c) {
    return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b);
  }
};

// How the columns of an operand are cut: what some tiles of sums read lies together, step behind
// step, so that their reads are a stream. In whole vectors, at most `widest` columns each.
struct Panels {
  int64_t columns, vectors, count;

  Panels(int64_t all, int64_t widest)
      : columns(all), vectors((all + 15) / 16), count((all + widest - 1) / widest) {}
  int64_t begin(int64_t panel) const { return panel * vectors / count * 16; }
  int64_t stride(int64_t panel) const { return begin(panel + 1) - begin(panel); }
  int64_t width(int64_t panel) const { return least(columns - begin(panel), stride(panel)); }
};

// 16 columns of two tokens as pairs, or the first few of them.
__m512i pair(__m256i even, __m256i odd) {
  return _mm512_or_si512(
      _mm512_maskz_cvtepu16_epi32(0xffff, even),
      _mm512_maskz_slli_epi32(0xffff, _mm512_maskz_cvtepu16_epi32(0xffff, odd), 16));
}

// A token's columns of a panel as pairs with the next one's; a missing `odd` counts as zero.
void pack_step(const bf16* even, const bf16* odd, int64_t width, uint32_t* out) {
  const auto* e = reinterpret_cast<const __m256i*>(even);
  const auto* o = reinterpret_cast<const __m256i*>(odd);
  int64_t c = 0;
  for (; odd != nullptr && c + 16 <= width; c += 16, ++e, ++o)
    _mm512_storeu_si512(out + c, pair(_mm256_loadu_si256(e), _mm256_loadu_si256(o)));
  for (; c < width; c += 16, ++e, ++o) {
    const __mmask16 some = first(width - c);
    _mm512_storeu_si512(
        out + c, pair(_mm256_maskz_loadu_epi16(some, e),
                      odd == nullptr ? _mm256_setzero_si256() : _mm256_maskz_loadu_epi16(some, o)));
  }
}

// A block of tokens in panels. Some steps of each at a time: what they share of a cache line is
// still there.
void pack(const Panels& panels, const bf16* in, int64_t stride, int64_t tokens, uint32_t* out) {
  constexpr int64_t kSteps = 8;
  const int64_t steps = (tokens + 1) / 2;
  for (int64_t from = 0; from < steps; from += kSteps) {
    for (int64_t i = 0; i < panels.count; ++i) {
      const int64_t begin = panels.begin(i), width = panels.width(i), line = panels.stride(i);
      for (int64_t s = from; s < least(steps, from + kSteps); ++s) {
        const bf16* even = in + 2 * s * stride + begin;
        pack_step(even, 2 * s + 1 < tokens ? even + stride : nullptr, width,
                  out + begin * steps + s * line);
      }
    }
  }
}

// The rows of an operand's next block, a part of them for each panel of sums.
class RowsAhead {
 public:
  RowsAhead(const bf16* rows, int64_t stride, int64_t columns, int64_t count, int64_t parts)
      : rows_(rows), stride_(stride), columns_(columns), part_(count * columns / parts) {}

  // A tile's share, one of `tiles` of this part.
  Ahead next(int64_t tiles, int64_t steps) {
    const Ahead ahead =
        ahead_of(rows_ + at_ / columns_ * stride_ + at_ % columns_, part_ / tiles / steps + 1);
    at_ += part_ / tiles;
    return ahead;
  }

 private:
  const bf16* rows_;
  int64_t stride_, columns_, part_, at_ = 0;  // elements
};

// The sums of one panel of dy and one of x, in tiles of nearly equal height.
void multiply_panels(const Tile<Avx512Pairs>& all, int64_t rows, RowsAhead& dy, RowsAhead& x) {
  constexpr int64_t kRows = Avx512Pairs::kMaxRows;
  const int64_t tiles = (rows + kRows - 1) / kRows;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t begin = i * rows / tiles, end = (i + 1) * rows / tiles;
    Tile<Avx512Pairs> t = all;
    t.a += begin;
    t.c += begin * all.c_stride;
    t.a_ahead = dy.next(tiles, all.steps);
    t.b_ahead = x.next(tiles, all.steps);
    multiply_rows<Avx512Pairs, kRows>(t, end - begin);
  }
}

}  // namespace

void token_product_avx512(const TokenProduct<float>& p) { multiply_tokens<Avx512>(p); }

void token_product_avx512(const TokenProduct<bf16>& p, float* scratch) {
  multiply_widened<Avx512>(p, scratch);
}

void token_product_avx512bf16(const TokenProduct<bf16>& p, uint32_t* scratch) {
  const Panels down(p.outputs, 4 * Avx512Pairs::kMaxRows), across(p.inputs, 32);
  uint32_t *a = scratch, *b = scratch + kBlockSteps * 16 * down.vectors;
  for (int64_t begin = 0; begin < p.tokens; begin += 2 * kBlockSteps) {
    const int64_t count = least(p.tokens - begin, 2 * kBlockSteps), steps = (count + 1) / 2;
    const bf16 *dy = p.dy + begin * p.dy_stride, *x = p.x + begin * p.x_stride;
    pack(down, dy, p.dy_stride, count, a);
    pack(across, x, p.x_stride, count, b);
    const int64_t parts = down.count * across.count;
    RowsAhead dy_ahead(dy + count * p.dy_stride, p.dy_stride, p.outputs, count, parts);
    RowsAhead x_ahead(x + count * p.x_stride, p.x_stride, p.inputs, count, parts);
    for (int64_t j = 0; j < across.count; ++j) {
      for (int64_t i = 0; i < down.count; ++i) {
        const int64_t top = down.begin(i), left = across.begin(j);
        Tile<Avx512Pairs> t{a + top * steps, b + left * steps, down.stride(i), across.stride(j)};
        t.steps = steps;
        t.c = p.out + top * p.out_stride + left;
        t.c_stride = p.out_stride;
        t.first = begin == 0;
        t.columns = static_cast<int>(across.width(j));
        multiply_panels(t, down.width(i), dy_ahead, x_ahead);
      }
    }
  }
}

}  // namespace vicinity::kernels
