// What the optimisers share on the CPU.
#pragma once

#include <cmath>
#include <cstring>

#include "core/ops/update_ranges.h"
#include "core/runtime/cpu.h"

namespace vicinity::kernels {

/// Parameters are f32 or, in gradient checks, f64.
template <class F>
void for_master_dtype(DType dtype, F&& f) {
  if (dtype == DType::f64) return f.template operator()<double>();
  VIC_CHECK(DTypeError, dtype == DType::f32, "parameters are f32 or f64, not ", dtype);
  f.template operator()<float>();
}

/// The numbers of a step by name, from AdamwStep::factors or SgdStep::factors.
template <class F>
F named_factors(const Tensor& factors) {
  F named;
  std::memcpy(&named, factors.raw(), sizeof(F));
  return named;
}

/// updater(range, scale) gives a function of (begin, end), which is called for chunks of the range
/// on all threads. Does nothing where the scale is not a number.
template <class Updater>
void for_each_range(Cpu& cpu, const UpdateRanges& ranges, const Tensor& grad_scale,
                    const Updater& updater) {
  const double scale = grad_scale.defined() ? grad_scale.data<double>()[0] : 1;
  if (std::isnan(scale)) return;
  for (const UpdateRange& range : ranges.all()) {
    const auto update = updater(range, scale);
    cpu.parallel_chunks(range.end - range.begin, 1 << 15, [&](int64_t begin, int64_t end) {
      update(range.begin + begin, range.begin + end);
    });
  }
}

/// copy[begin, end) = param[begin, end), rounded; nothing where there is no copy.
template <class C>
void round_into(Tensor& copy, const Tensor& param, int64_t begin, int64_t end) {
  if (!copy.defined()) return;
  const C* from = param.data<C>();
  bf16* to = copy.data<bf16>();
  for (int64_t i = begin; i < end; ++i) to[i] = bf16(static_cast<float>(from[i]));
}

}  // namespace vicinity::kernels
