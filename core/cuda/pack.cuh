// Neighbouring elements that a thread moves together.
#pragma once

#include "core/cuda/dev.h"

namespace vicinity::dev {

/// kCount neighbours in registers. Eight of them move 16 bytes at a time (bf16 in one access, f32
/// in two), where eights divide a row and its pointers are aligned; else one at a time.
template <class T, int kCount>
struct alignas(kCount * sizeof(T) < 16 ? kCount * sizeof(T) : 16) Pack {
  T at[kCount];
};

template <int kCount, class T>
DEV_FN Pack<T, kCount> load_pack(const T* from) {
  return *reinterpret_cast<const Pack<T, kCount>*>(from);
}
template <int kCount, class T>
DEV_FN void store_pack(T* to, const Pack<T, kCount>& x) {
  *reinterpret_cast<Pack<T, kCount>*>(to) = x;
}
DEV_FN void store_pack(bf16* to, const Pack<bf16, 8>& x) {
  uint32_t words[4];
  DEV_UNROLL
  for (int i = 0; i < 4; ++i)
    words[i] = x.at[2 * i].bits | static_cast<uint32_t>(x.at[2 * i + 1].bits) << 16;
  store_16(to, words[0], words[1], words[2], words[3]);
}
DEV_FN void store_pack(float* to, const Pack<float, 8>& x) {
  DEV_UNROLL
  for (int i = 0; i < 8; i += 4)
    store_16(to + i, as_bits(x.at[i]), as_bits(x.at[i + 1]), as_bits(x.at[i + 2]),
             as_bits(x.at[i + 3]));
}

/// Whether every pointer can be read 16 bytes at a time; null counts as aligned.
template <class... Pointers>
bool aligned(const Pointers*... pointers) {
  return ((reinterpret_cast<uintptr_t>(pointers) % 16 == 0) && ...);
}

/// Calls f.template operator()<kCount>() with 8 or, where eights do not fit, with 1.
template <class F>
void for_pack(bool eights, F&& f) {
  if (eights) return f.template operator()<8>();
  f.template operator()<1>();
}

}  // namespace vicinity::dev
