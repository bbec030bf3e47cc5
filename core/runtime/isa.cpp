#include "core/runtime/isa.h"

#include <hwy/targets.h>

#include <cstdlib>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

Isa hardware() {
  VIC_CHECK(DeviceError, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"),
            "this CPU has no AVX2; Vicinity needs an x86-64 CPU made since about 2015");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (!avx512) return Isa::avx2;
  return __builtin_cpu_supports("avx512bf16") ? Isa::avx512_bf16 : Isa::avx512;
}

Isa decide() {
  const Isa best = hardware();
  const char* limit = std::getenv("DNNL_MAX_CPU_ISA");
  const std::string name = lower(limit == nullptr ? "" : limit);
  if (name == "avx2" || name == "avx" || name == "sse41") {
    hwy::DisableTargets(HWY_AVX3 | HWY_AVX3_DL);
    return Isa::avx2;
  }
  const bool below_bf16 = name == "avx512_core" || name == "avx512_core_vnni";
  return below_bf16 && best == Isa::avx512_bf16 ? Isa::avx512 : best;
}

}  // namespace

Isa cpu_isa() {
  static const Isa isa = decide();
  return isa;
}

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::avx512_bf16:
      return "avx512_bf16";
  }
  VIC_FAIL(InternalError, "unknown instruction set");
}

}  // namespace vicinity
