#include "core/ops/grad_norm.h"

#include <array>
#include <cmath>

namespace vicinity::kernels {

void squares_of_chunks(Cpu& cpu, const Tensor& x, Tensor& chunks) {
  double* sums = chunks.data<double>();
  for_float_dtype(x.dtype(), [&]<class T>() {
    const T* in = x.data<T>();
    cpu.parallel_chunks(x.size(), kSquaresChunk, [&](int64_t begin, int64_t end) {
      std::array<double, 8> lanes{};  // independent sums, so that the loop can use vector registers
      int64_t i = begin;
      for (; i + 8 <= end; i += 8) {
        for (int64_t l = 0; l < 8; ++l) {
          const auto v = static_cast<double>(static_cast<Compute<T>>(in[i + l]));
          lanes[static_cast<size_t>(l)] += v * v;
        }
      }
      double sum = 0;
      for (; i < end; ++i)
        sum += static_cast<double>(static_cast<Compute<T>>(in[i])) * static_cast<Compute<T>>(in[i]);
      for (const double lane : lanes) sum += lane;
      sums[begin / kSquaresChunk] = sum;
    });
  });
}

void join_squares(Cpu&, const Tensor& chunks, Tensor& y) {
  double total = 0;
  for (int64_t i = 0; i < chunks.size(); ++i) total += chunks.data<double>()[i];
  y.data<double>()[0] = total;
}

void grad_scale(Cpu&, const Tensor& sum_of_squares, double clip, Tensor& y) {
  const double norm = std::sqrt(sum_of_squares.data<double>()[0]);
  const double scale = clip > 0 && norm > clip ? clip / (norm + 1e-6) : 1;
  y.data<double>()[0] = std::isfinite(norm) ? scale : NAN;
}

}  // namespace vicinity::kernels
