// Sums over rows that do not depend on the thread count: partial sums per fixed chunk of rows,
// added in order.
#pragma once

#include <vector>

#include "core/runtime/cpu.h"

namespace vicinity::kernels {

/// Rows per chunk: a function of the shape only.
inline int64_t rows_per_chunk(int64_t rows) { return std::max<int64_t>(32, (rows + 63) / 64); }

/// Calls body(begin, end, partial) for each fixed chunk of rows, where `partial` points at `width`
/// zeros of its own, then adds the partials in order into `total[width]`.
template <class C, class Body>
void sum_over_rows(const Cpu& cpu, int64_t rows, int64_t width, C* total, Body&& body) {
  const int64_t chunk = rows_per_chunk(rows), count = (rows + chunk - 1) / chunk;
  std::vector<C> partials(static_cast<size_t>(count * width));
  cpu.parallel_for(count, [&](int64_t i) {
    body(i * chunk, std::min(rows, (i + 1) * chunk), partials.data() + i * width);
  });
  std::fill(total, total + width, C{0});
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t c = 0; c < width; ++c) total[c] += partials[static_cast<size_t>(i * width + c)];
  }
}

}  // namespace vicinity::kernels
