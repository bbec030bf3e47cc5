// Relative position biases in the order in which softmax reads them.
#pragma once

#include <algorithm>
#include <numbers>

#include "core/cpu/neighborhood_plane.h"
#include "core/ops/neighborhood_attention.h"

namespace vicinity::kernels {

/// For each head and each position of a query in its window: the biases of its neighbours, times
/// log2(e).
template <class C>
class BiasTable {
 public:
  BiasTable(Cpu& cpu, const Tensor& rpb, const NeighborhoodWindow& window)
      : kernel_(window.kernel), table_(static_cast<size_t>(window.heads * size())) {
    if (!rpb.defined()) return;
    const int64_t side = 2 * kernel_ - 1;
    cpu.parallel_for(window.heads, [&](int64_t head) {
      const C* biases = rpb.data<C>() + head * side * side;
      for_rows([&](int64_t row, int64_t bias) {
        C* to = table_.data() + head * size() + row;
        for (int64_t c = 0; c < kernel_; ++c) to[c] = std::numbers::log2e_v<C> * biases[bias + c];
      });
    });
  }

  int64_t size() const { return kernel_ * kernel_ * window_pitch<C>(kernel_); }
  const C* of(int64_t head) const { return table_.data() + head * size(); }

  /// biases [2 K - 1, 2 K - 1] = the sums of what one head's table says of them.
  void fold(const C* table, C* biases) const {
    std::fill_n(biases, (2 * kernel_ - 1) * (2 * kernel_ - 1), C{0});
    for_rows([&](int64_t row, int64_t bias) {
      for (int64_t c = 0; c < kernel_; ++c) biases[bias + c] += table[row + c];
    });
  }

 private:
  // Calls work(row, bias) for each row of each window: where it begins in the table and in rpb.
  // What begins at one place in rpb comes long after its neighbours: their sums have left the
  // registers.
  template <class Work>
  void for_rows(Work&& work) const {
    for (int64_t x = 0; x < kernel_; ++x) {
      for (int64_t y = 0; y < kernel_; ++y) {
        const int64_t row = (y * kernel_ + x) * window_pitch<C>(kernel_);
        for (int64_t a = 0; a < kernel_; ++a)
          work(row + a * kernel_, (a - y + kernel_ - 1) * (2 * kernel_ - 1) + kernel_ - 1 - x);
      }
    }
  }

  int64_t kernel_;
  CacheLineVector<C> table_;
};

}  // namespace vicinity::kernels
