#include "core/cpu/peak.h"

#include <immintrin.h>

#include <cstring>
#include <vector>

#include "core/runtime/profile.h"

namespace vicinity {
namespace kernels {

double spin_f32(int64_t rounds) {
  constexpr int kChains = 12;  // enough to cover the latency of two units
  __m256 sums[kChains];
  for (__m256& sum : sums) sum = _mm256_set1_ps(1e-9f);
  const __m256 a = _mm256_set1_ps(1.0001f), b = _mm256_set1_ps(1e-9f);
  for (int64_t i = 0; i < rounds; ++i) {
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, a, b);
  }
  for (__m256& sum : sums) asm volatile("" : : "x"(sum));
  return static_cast<double>(rounds) * kChains * 16;
}

}  // namespace kernels

namespace {

// Best rate over runs of `spin` on every thread, in GFLOP/s; in the first ones the system may still
// have all threads on one core.
double best_rate(Cpu& cpu, double (*spin)(int64_t)) {
  double best = 0;
  for (int run = 0; run < 24; ++run) {
    std::vector<double> flops(static_cast<size_t>(cpu.threads()));
    const auto start = std::chrono::steady_clock::now();
    cpu.parallel_for(cpu.threads(),
                     [&](int64_t i) { flops[static_cast<size_t>(i)] = spin(2'000'000); });
    double sum = 0;
    for (const double f : flops) sum += f;
    best = std::max(best, sum / seconds_since(start) / 1e9);
  }
  return best;
}

double copy_rate(Cpu& cpu) {
  const size_t bytes = size_t{128} << 20;
  std::vector<char> from(bytes, 1), to(bytes);
  double best = 0;
  for (int run = 0; run < 4; ++run) {
    const auto start = std::chrono::steady_clock::now();
    cpu.parallel_chunks(static_cast<int64_t>(bytes), 1 << 20, [&](int64_t begin, int64_t end) {
      std::memcpy(to.data() + begin, from.data() + begin, static_cast<size_t>(end - begin));
    });
    best = std::max(best, 2 * static_cast<double>(bytes) / seconds_since(start) / 1e9);
  }
  return best;
}

}  // namespace

PeakRates measure_peak(Cpu& cpu) {
  PeakRates peak;
  peak.f32_gflops =
      best_rate(cpu, cpu.isa() == Isa::avx2 ? kernels::spin_f32 : kernels::spin_f32_avx512);
  if (cpu.isa() == Isa::avx512_bf16) peak.bf16_gflops = best_rate(cpu, kernels::spin_bf16);
  peak.copy_gbytes = copy_rate(cpu);
  return peak;
}

}  // namespace vicinity
