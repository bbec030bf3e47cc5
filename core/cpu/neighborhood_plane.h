// One dilation group of one image and head as contiguous planes: what removes the dilation from the
// arithmetic.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/cpu/neighborhood_queries.h"
#include "core/cpu/pointwise_math.h"
#include "core/cpu/registers.h"

namespace vicinity::kernels {

/// Arithmetic on one plane for a kernel size known to the compiler. C: float or double.
///
/// Scores of a query against one window row are W neighbouring columns, K of them its own: with k
/// stored across, [row][d][column], each d is one broadcast and one (unaligned, W wide) load, and a
/// group of queries shares the load. Sums over keys run along d in the plain layout. No horizontal
/// sums anywhere but in the softmax. What does the work is flattened: g++ stops inlining in a unit
/// as large as this one.
template <class C, int K>
class Plane : public WindowLanes<K> {
 public:
  using WindowLanes<K>::W;
  using WindowLanes<K>::kSpare;
  using WindowLanes<K>::kBiasPitch;
  using Scores = C[K][W];

  void resize(int64_t rows, int64_t cols, int64_t head_dim) {
    rows_ = rows, cols_ = cols, dim_ = head_dim;
    // An odd number of cache lines: columns of d then spread over all sets of the first cache.
    constexpr int64_t kLine = 64 / sizeof(C);
    pitch_ = ((cols + W + kLine - 1) / kLine | 1) * kLine;
    const auto n = static_cast<size_t>(rows * cols * head_dim);
    for (CacheLineVector<C>* plain : {&q, &k, &v, &dout, &out}) plain->resize(n);
    for (CacheLineVector<C>* across : {&kt, &vt})
      across->resize(static_cast<size_t>(rows * head_dim * pitch_ + W));
  }

  /// kt from k, vt from v.
  void transpose(const CacheLineVector<C>& plain, CacheLineVector<C>& across) const {
    for (int64_t y = 0; y < rows_; ++y) {
      for (int64_t x = 0; x < cols_; ++x) {
        const C* in = plain.data() + (y * cols_ + x) * dim_;
        C* o = across.data() + y * dim_ * pitch_ + x;
        for (int64_t t = 0; t < dim_; ++t) o[t * pitch_] = in[t];
      }
    }
  }

  /// s[i][a][c] = <query i's row of `plain`, across[y0 + a][.][x0 + c]>.
  template <int Q>
  void scores(const QueryGroup<Q>& at, const CacheLineVector<C>& plain,
              const CacheLineVector<C>& across, Scores (&s)[Q]) const {
    constexpr int kRows = 8 / Q / kParts;  // sums fit in 16 registers beside what they are made of
    int a = 0;
    for (; a + kRows <= K; a += kRows) score_rows<Q, kRows>(at, plain, across, a, s);
    if constexpr (K % kRows != 0) score_rows<Q, K % kRows>(at, plain, across, a, s);
  }

  /// Softmax over the window of scale * s + bias (of pitch kBiasPitch), in place; lanes that are
  /// not the query's own become 0. Step by step for all queries at once: each step waits for the
  /// one before it, but not for the other queries.
  template <int Q>
  [[gnu::flatten]] static void softmax(const QueryGroup<Q>& at, Scores (&s)[Q], C scale,
                                       const C* bias) {
    C most[Q][W], sum[Q];
    unrolled<Q>([&](int i) VIC_INLINE {
      const C* own = lanes_of(at.shift[i]);
      const C* row = bias + at.corner[i] - at.shift[i];
      for (int c = 0; c < W; ++c) most[i][c] = -INFINITY;
      for (int a = 0; a < K; ++a, row += kBiasPitch) {
        for (int c = 0; c < W; ++c) {
          const C score = s[i][a][c] * scale + row[c];
          s[i][a][c] = std::min(own[c], score);  // in this order NaN outside is -inf
          most[i][c] = std::max(most[i][c], s[i][a][c]);
        }
      }
    });
    unrolled<Q>([&](int i) VIC_INLINE { most[i][0] = *std::max_element(most[i], most[i] + W); });
    unrolled<Q>([&](int i) VIC_INLINE {
      const C* own = lanes_of(at.shift[i]);
      C lanes[W] = {};
      for (int a = 0; a < K; ++a) {
        for (int c = 0; c < W; ++c) {
          s[i][a][c] = own[c] > 0 ? fast_exp(s[i][a][c] - most[i][0]) : C{0};
          lanes[c] += s[i][a][c];
        }
      }
      sum[i] = sum_of(lanes);
    });
    unrolled<Q>([&](int i) VIC_INLINE {
      const C inverse = 1 / sum[i];
      for (int a = 0; a < K; ++a) {
        for (int c = 0; c < W; ++c) s[i][a][c] *= inverse;
      }
    });
  }

  /// dS = P (dP - <P, dP>), added to the bias gradient, then times scale, in dp's place; lanes that
  /// are not the query's own become 0.
  template <int Q>
  [[gnu::flatten]] static void softmax_backward(const QueryGroup<Q>& at, const Scores (&p)[Q],
                                                Scores (&dp)[Q], C scale, C* dbias) {
    C dot[Q];
    unrolled<Q>([&](int i) VIC_INLINE {
      const C* own = lanes_of(at.shift[i]);
      C lanes[W] = {};
      for (int a = 0; a < K; ++a) {
        for (int c = 0; c < W; ++c) {
          dp[i][a][c] = own[c] > 0 ? dp[i][a][c] : C{0};
          lanes[c] += p[i][a][c] * dp[i][a][c];
        }
      }
      dot[i] = sum_of(lanes);
    });
    unrolled<Q>([&](int i) VIC_INLINE {
      C* to = dbias + at.corner[i] - at.shift[i];
      for (int a = 0; a < K; ++a, to += kBiasPitch) {
        for (int c = 0; c < W; ++c) {
          const C slope = p[i][a][c] * (dp[i][a][c] - dot[i]);
          to[c] += slope;
          dp[i][a][c] = slope * scale;
        }
      }
    });
  }

  /// Query i's row of `to` = sum over the window of weights[i][a][c] * plain[y0 + a, x0 + c].
  template <int Q>
  [[gnu::flatten]] void gather(const QueryGroup<Q>& at, const Scores (&weights)[Q],
                               const CacheLineVector<C>& plain, CacheLineVector<C>& to) const {
    for_strips(dim_, [&]<int N, class V>(int64_t t) {
      V sum[Q][N];
      unrolled<Q * N>([&](int j) VIC_INLINE { sum[j / N][j % N] = V{}; });
      for (int a = 0; a < K; ++a) {
        const C* key = plain.data() + ((at.y0 + a) * cols_ + at.x0) * dim_ + t;
        for (int c = 0; c < K + at.shift[Q - 1]; ++c, key += dim_) {
          V value[N];
          load(key, value);
          unrolled<Q>([&](int i) VIC_INLINE {
            const C weight = weights[i][a][c];
            unrolled<N>([&](int n) VIC_INLINE { sum[i][n] += weight * value[n]; });
          });
        }
      }
      unrolled<Q>([&](int i) VIC_INLINE { store(sum[i], to.data() + (at.query + i) * dim_ + t); });
    });
  }

  /// to[y0 + a, x0 + c] += sum over the queries i of weights[i][a][c] * plain[i].
  template <int Q>
  [[gnu::flatten]] void scatter(const QueryGroup<Q>& at, const Scores (&weights)[Q],
                                const CacheLineVector<C>& plain, CacheLineVector<C>& to) const {
    for_strips(dim_, [&]<int N, class V>(int64_t t) {
      V row[Q][N];
      unrolled<Q>([&](int i)
                      VIC_INLINE { load(plain.data() + (at.query + i) * dim_ + t, row[i]); });
      for (int a = 0; a < K; ++a) {
        C* key = to.data() + ((at.y0 + a) * cols_ + at.x0) * dim_ + t;
        for (int c = 0; c < K + at.shift[Q - 1]; ++c, key += dim_) {
          V sum[N];
          load(key, sum);
          unrolled<Q>([&](int i) VIC_INLINE {
            const C weight = weights[i][a][c];
            unrolled<N>([&](int n) VIC_INLINE { sum[n] += weight * row[i][n]; });
          });
          store(sum, key);
        }
      }
    });
  }

  CacheLineVector<C> q, k, v, dout, out, kt, vt;
  int64_t rows_ = 0, cols_ = 0, dim_ = 0, pitch_ = 0;

 private:
  static constexpr int kLanes = 32 / sizeof(C);                // of an AVX2 register
  static constexpr int kParts = W <= kLanes ? 1 : W / kLanes;  // registers to a window row
  using Lanes = typename LanesOf<C, W / kParts>::Type;

  // Bytes, since V may be one C alone.
  template <class V, int N>
  [[gnu::always_inline]] static void load(const C* from, V (&to)[N]) {
    const char* bytes = reinterpret_cast<const char*>(from);
    unrolled<N>([&](int n) VIC_INLINE {
      std::memcpy(&to[n], bytes + n * sizeof(V), sizeof(V));
      asm("" : "+x"(to[n]));  // stays in a register; g++ would load it again for every product
    });
  }
  template <class V, int N>
  [[gnu::always_inline]] static void store(const V (&from)[N], C* to) {
    char* bytes = reinterpret_cast<char*>(to);
    unrolled<N>([&](int n) VIC_INLINE { std::memcpy(bytes + n * sizeof(V), &from[n], sizeof(V)); });
  }

  // In pairs that are W / 2 apart, then W / 4, ...
  static C sum_of(const C (&lanes)[W]) {
    C sum[W];
    std::copy_n(lanes, W, sum);
    for (int width = W / 2; width > 0; width /= 2) {
      for (int c = 0; c < width; ++c) sum[c] += sum[c + width];
    }
    return sum[0];
  }

  // For each lane: infinity where it belongs to the window that begins `shift` lanes in, else minus
  // infinity. As a table, since g++ makes branches of a comparison.
  static const C* lanes_of(int shift) {
    static constexpr auto kTable = [] {
      std::array<C, W + kSpare> table{};
      for (int i = 0; i < W + kSpare; ++i)
        table[i] = kSpare <= i && i < W ? C(INFINITY) : -C(INFINITY);
      return table;
    }();
    return kTable.data() + kSpare - shift;
  }

  template <int Q, int R>
  [[gnu::flatten]] void score_rows(const QueryGroup<Q>& at, const CacheLineVector<C>& plain,
                                   const CacheLineVector<C>& across, int a, Scores (&s)[Q]) const {
    const C* query = plain.data() + at.query * dim_;
    const C* base = across.data() + (at.y0 + a) * dim_ * pitch_ + at.x0;
    constexpr int kSums = R * kParts;
    Lanes sum[Q][kSums];
    unrolled<Q * kSums>([&](int j) VIC_INLINE { sum[j / kSums][j % kSums] = Lanes{}; });
    for (int64_t t = 0; t < dim_; ++t) {
      unrolled<R>([&](int r) VIC_INLINE {
        Lanes line[kParts];
        load(base + (r * dim_ + t) * pitch_, line);
        unrolled<Q * kParts>([&](int j) VIC_INLINE {
          sum[j / kParts][r * kParts + j % kParts] +=
              query[j / kParts * dim_ + t] * line[j % kParts];
        });
      });
    }
    unrolled<Q>([&](int i) VIC_INLINE { store(sum[i], &s[i][0][0] + a * W); });
  }

  // Calls work<N, V>(t) for strips of N vectors V that cover [0, dim).
  template <class Work>
  static void for_strips(int64_t dim, Work&& work) {
    using Wide = typename LanesOf<C, kLanes>::Type;
    int64_t t = 0;
    for (; t + 4 * kLanes <= dim; t += 4 * kLanes) work.template operator()<4, Wide>(t);
    for (; t + kLanes <= dim; t += kLanes) work.template operator()<1, Wide>(t);
    for (; t < dim; ++t) work.template operator()<1, C>(t);
  }
};

}  // namespace vicinity::kernels
