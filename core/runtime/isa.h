// Which instructions this process uses. Bits of results depend on it, so `doctor` shows it and runs
// store it.
#pragma once

namespace vicinity {

enum class Isa { avx2, avx512, avx512_bf16 };

/// The best level of this CPU, held down by DNNL_MAX_CPU_ISA (AVX2, AVX512_CORE, ...), which oneDNN
/// and our own kernels obey alike. Decided once. DeviceError on a CPU without AVX2 and FMA.
Isa cpu_isa();
const char* name_of(Isa isa);

}  // namespace vicinity
