// What this machine can do at best: the denominators of every "share of peak".
#pragma once

#include "core/runtime/cpu.h"

namespace vicinity {

struct PeakRates {
  double f32_gflops = 0;   // fused multiply-adds on registers
  double bf16_gflops = 0;  // bf16 dot products with fp32 sums; 0 where the CPU has none
  double copy_gbytes = 0;  // copying 256 MB, read and write counted
};

/// Measured on all threads of `cpu`, a fraction of a second each, the best of several runs.
PeakRates measure_peak(Cpu& cpu);

namespace kernels {
/// `rounds` rounds of independent multiply-adds on the calling thread; returns FLOPs done. Widest
/// vectors of the ISA.
double spin_f32(int64_t rounds);         // core/cpu/peak.cpp: 256 bits
double spin_f32_avx512(int64_t rounds);  // core/cpu/peak_avx512bf16.cpp: 512 bits
double spin_bf16(int64_t rounds);
}  // namespace kernels

}  // namespace vicinity
