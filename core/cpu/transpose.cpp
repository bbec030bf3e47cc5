#include "core/cpu/transpose.h"

#include <immintrin.h>

#include <algorithm>

namespace vicinity::kernels {
namespace {

/// A view of a matrix and of where its transpose goes.
template <class T>
struct Turn {
  const T* in;
  T* out;
  int64_t rows, columns;

  /// Rows [top, bottom) of columns [left, right), one by one.
  void plainly(int64_t top, int64_t bottom, int64_t left, int64_t right) const {
    for (int64_t j = left; j < right; ++j)
      for (int64_t i = top; i < bottom; ++i) out[j * rows + i] = in[i * columns + j];
  }

  /// 8 x 8 elements from (i, j) on.
  void tile(int64_t i, int64_t j) const { plainly(i, i + 8, j, j + 8); }
};

template <>
void Turn<float>::tile(int64_t i, int64_t j) const {
  const float* from = in + i * columns + j;
  float* to = out + j * rows + i;
  // Register r: four elements of row r, behind them the same columns' of row r + 4.
  const auto halves = [&](int64_t r, int64_t column) {
    const __m256 low = _mm256_castps128_ps256(_mm_loadu_ps(from + r * columns + column));
    return _mm256_insertf128_ps(low, _mm_loadu_ps(from + (r + 4) * columns + column), 1);
  };
  for (int64_t column = 0; column < 8; column += 4) {
    const __m256 a = halves(0, column), b = halves(1, column), c = halves(2, column),
                 d = halves(3, column);
    const __m256d ab = _mm256_castps_pd(_mm256_unpacklo_ps(a, b)),
                  cd = _mm256_castps_pd(_mm256_unpacklo_ps(c, d)),
                  ab_high = _mm256_castps_pd(_mm256_unpackhi_ps(a, b)),
                  cd_high = _mm256_castps_pd(_mm256_unpackhi_ps(c, d));
    float* line = to + column * rows;
    _mm256_storeu_ps(line, _mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd)));
    _mm256_storeu_ps(line + rows, _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd)));
    _mm256_storeu_ps(line + 2 * rows, _mm256_castpd_ps(_mm256_unpacklo_pd(ab_high, cd_high)));
    _mm256_storeu_ps(line + 3 * rows, _mm256_castpd_ps(_mm256_unpackhi_pd(ab_high, cd_high)));
  }
}

// 16 rows at a time, so that a line of 64 bytes of the result is written at once.
template <class T>
void turn(Cpu& cpu, const Turn<T>& t) {
  constexpr int64_t kRows = 16, kColumns = 64;
  const int64_t across = (t.columns + kColumns - 1) / kColumns;
  cpu.parallel_rows(across, kColumns * t.rows, [&](int64_t task) {
    const int64_t left = task * kColumns, right = std::min(t.columns, left + kColumns);
    const int64_t end = left + (right - left) / 8 * 8;
    for (int64_t top = 0; top < t.rows; top += kRows) {
      const int64_t bottom = std::min(t.rows, top + kRows), whole = top + (bottom - top) / 8 * 8;
      for (int64_t j = left; j < end; j += 8)
        for (int64_t i = top; i < whole; i += 8) t.tile(i, j);
      t.plainly(top, bottom, end, right);
      t.plainly(whole, bottom, left, end);
    }
  });
}

template <class T>
Turn<T> view(const Tensor& a, Tensor& out) {
  return {a.data<T>(), out.data<T>(), a.dim(0), a.dim(1)};
}

}  // namespace

void transpose(Cpu& cpu, const Tensor& a, Tensor& out) {
  a.dtype() == DType::bf16 ? turn(cpu, view<bf16>(a, out)) : turn(cpu, view<float>(a, out));
}

}  // namespace vicinity::kernels
