// How many neighbours (core/cuda/pack.cuh) or bytes a copy may move as one.
#pragma once

#include "core/cuda/pack.cuh"

namespace vicinity::kernels {

/// How many T 16 bytes hold.
template <class T>
inline constexpr int kPerChunk = 16 / static_cast<int>(sizeof(T));

/// For the two below: byte counts and addresses may be joined by `|`, which keeps what divides all
/// of them.
inline uint64_t address_of(const Tensor& x) { return reinterpret_cast<uintptr_t>(x.raw()); }

/// Calls f.template operator()<Piece>() with the largest type that copies may move: 16, 4 or 2
/// bytes, as divides `bytes`.
template <class F>
void for_piece(uint64_t bytes, F&& f) {
  if (bytes % 16 == 0) return f.template operator()<dev::Chunk>();
  if (bytes % 4 == 0) return f.template operator()<uint32_t>();
  VIC_ASSERT(bytes % 2 == 0, bytes, " bytes are not whole values");
  f.template operator()<uint16_t>();
}

/// Calls f.template operator()<n>() with n = `most` where runs of so many T fit into `bytes`, else
/// 1.
template <class T, int most, class F>
void for_run(uint64_t bytes, F&& f) {
  if (bytes % (sizeof(T) * most) == 0) return f.template operator()<most>();
  f.template operator()<1>();
}

}  // namespace vicinity::kernels
