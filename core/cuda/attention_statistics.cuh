// What the bf16 backward of attention keeps of each query between its two kernels: lse, log2 of the
// softmax's denominator, and delta, sum_j p_j dp_j.
#pragma once

#include "core/cuda/attention_tiles.cuh"

namespace vicinity::kernels::tiles {

/// Statistics of queries, in pairs (lse, delta), for each head as many as 16 divides.
DEV_FN constexpr int padded_tokens(const AttentionShape& shape) {
  return dev::ceil_div(shape.tokens, 16) * 16;
}
template <class T>
DEV_FN T* statistics_of(T* statistics, const AttentionShape& shape, int item) {
  return statistics + 2 * int64_t{item} * padded_tokens(shape);
}

/// What the first pass gathered becomes lse (of exponents of 2) and delta, for rows g and g + 8.
template <int kActive, int kRowTiles>
DEV_FN void finish_statistics(const OnlineSoftmax<kRowTiles>& softmax, float scale,
                              float (&lse)[kRowTiles][2], float (&delta)[kRowTiles][2]) {
  constexpr float kLog2E = 1.44269504f;
  DEV_UNROLL
  for (int i = 0; i < 2 * kActive; ++i) {
    const int r = i / 2, half = i % 2;
    const float total = quad_sum(softmax.total[r][half]);
    lse[r][half] = dev::fma(softmax.top[r][half], scale, dev::log(total) * kLog2E);
    delta[r][half] = quad_sum(delta[r][half]) / total;
  }
}

template <int kActive, int kRowTiles>
DEV_FN void store_statistics(float* statistics, const AttentionShape& shape, const Place& place,
                             const float (&lse)[kRowTiles][2], const float (&delta)[kRowTiles][2]) {
  if (dev::lane() % 4 != 0) return;
  float* of_item = statistics_of(statistics, shape, place.item);
  DEV_UNROLL
  for (int i = 0; i < 2 * kActive; ++i) {
    const int row = place.first + dev::lane() / 4 + 8 * i;
    of_item[2 * row] = row < shape.tokens ? lse[i / 2][i % 2] : INFINITY;
    of_item[2 * row + 1] = delta[i / 2][i % 2];
  }
}

/// delta += sum over columns of p dp, this lane's.
template <int kActive, int kRowTiles>
DEV_FN void add_dot(float (&delta)[kRowTiles][2], const float (&p)[kActive][2][4],
                    const float (&dp)[kActive][2][4]) {
  DEV_UNROLL
  for (int i = 0; i < 8 * kActive; ++i) {
    const int r = i / 8, j = i / 4 % 2, e = i % 4;
    delta[r][e / 2] = dev::fma(p[r][j][e], dp[r][j][e], delta[r][e / 2]);
  }
}

/// Scores become gradients of scores: p (dp - delta).
template <int kActive, int kRowTiles>
DEV_FN void to_score_gradients(float (&s)[kActive][2][4], const float (&dp)[kActive][2][4],
                               float scale, const float (&lse)[kRowTiles][2],
                               const float (&delta)[kRowTiles][2]) {
  DEV_UNROLL
  for (int i = 0; i < 8 * kActive; ++i) {
    const int r = i / 8, j = i / 4 % 2, e = i % 4;
    const float p = dev::exp2_fast(dev::fma(s[r][j][e], scale, -lse[r][e / 2]));
    s[r][j][e] = p * (dp[r][j][e] - delta[r][e / 2]);
  }
}

/// Statistics of 64 queries in shared memory.
struct StatisticsTile {
  dev::Chunk pairs_of_queries[32];

  DEV_FN void copy(const float* of_item, const AttentionShape& shape, int first) {
    const int chunks = dev::min(64, padded_tokens(shape) - first) / 2;
    for (int i = dev::thread(); i < chunks; i += dev::block_size())
      dev::copy_16(pairs_of_queries + i, of_item + 2 * first + 4 * i);
  }
  /// Queries from `first` on, which are columns: -delta, for gradients of scores to start with.
  DEV_FN void start(float (&ds)[2][4], int first) {
    DEV_UNROLL
    for (int i = 0; i < 8; ++i)
      ds[i / 4][i % 4] = -dev::as_float(of_column(first, i / 4).words[2 * (i % 2) + 1]);
  }
  /// Scores become weights.
  DEV_FN void to_weights(float (&s)[2][4], int first, float scale) {
    DEV_UNROLL
    for (int i = 0; i < 8; ++i) {
      const float lse = dev::as_float(of_column(first, i / 4).words[2 * (i % 2)]);
      s[i / 4][i % 4] = dev::exp2_fast(dev::fma(s[i / 4][i % 4], scale, -lse));
    }
  }

 private:
  DEV_FN const dev::Chunk& of_column(int first, int j) {
    return pairs_of_queries[(first + 8 * j) / 2 + dev::lane() % 4];
  }
};

}  // namespace vicinity::kernels::tiles
