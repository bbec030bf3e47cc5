// What the optimisers share on CUDA: a block updates one chunk of UpdateRanges.
#pragma once

#include <initializer_list>

#include "core/cuda/runs.cuh"
#include "core/ops/update_ranges.h"

namespace vicinity::kernels {

inline constexpr int kUpdateThreads = 256;
inline constexpr int kUpdateRun = 4;  // 16 bytes of f32, 8 of the bf16 copy

/// op.template operator()<n>(i) for the elements [i, i + n) of a chunk: n = kUpdateRun wherever
/// such a run, counted from the beginning of the arrays, lies in it, else 1.
template <class Op>
DEV_FN void for_chunk(const UpdateRanges::Chunk& chunk, const Op& op) {
  const int64_t begin = chunk.begin, end = begin + chunk.size;
  const int64_t first = begin / kUpdateRun * kUpdateRun;
  for (int64_t i = first + dev::thread() * kUpdateRun; i < end; i += kUpdateThreads * kUpdateRun) {
    if (i >= begin && i + kUpdateRun <= end) {
      op.template operator()<kUpdateRun>(i);
      continue;
    }
    for (int64_t j = i; j < i + kUpdateRun; ++j) {
      if (j >= begin && j < end) op.template operator()<1>(j);
    }
  }
}

/// 1 where there is no scale.
DEV_FN double scale_or_one(const double* grad_scale) {
  return grad_scale != nullptr ? *grad_scale : 1.0;
}

/// copy[i, i + n) = the rounded parameters; nothing where there is no copy.
template <int n>
DEV_FN void round_into(bf16* copy, int64_t i, const dev::Pack<float, n>& param) {
  if (copy == nullptr) return;
  dev::Pack<bf16, n> rounded;
  DEV_UNROLL
  for (int k = 0; k < n; ++k) rounded.at[k] = dev::to_bf16(param.at[k]);
  dev::store_pack(copy + i, rounded);
}

/// The numbers of a step by name, from AdamwStep::factors or SgdStep::factors.
template <class F>
const F* named_factors(const Tensor& factors) {
  return reinterpret_cast<const F*>(factors.data<double>());
}

/// One block for each chunk.
inline LaunchShape shape_of(const UpdateRanges& ranges) {
  return {ranges.chunk_count(), kUpdateThreads};
}

/// The arrays begin at multiples of 16 bytes, as runs need it.
inline void check_aligned(std::initializer_list<const Tensor*> arrays) {
  for (const Tensor* array : arrays) {
    VIC_ASSERT(!array->defined() || address_of(*array) % 16 == 0,
               "flat parameters and what belongs to them begin at a multiple of 16 bytes");
  }
}

}  // namespace vicinity::kernels
