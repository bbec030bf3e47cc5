// What keeps a tile of sums in registers.
#pragma once

#include <cstddef>
#include <new>
#include <utility>
#include <vector>

namespace vicinity::kernels {

/// N values that + and * treat lane by lane (GCC's and clang's vector extension).
template <class C, int N>
struct LanesOf {
  using Type [[gnu::vector_size(N * sizeof(C))]] = C;
};

#define VIC_INLINE __attribute__((always_inline))

/// f(0), ..., f(N - 1), written out: an array indexed by a loop would live in memory, not
/// registers.
template <int N, class F>
[[gnu::always_inline]] inline void unrolled(F&& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) VIC_INLINE { (f(I), ...); }
  (std::make_integer_sequence<int, N>{});
}

/// Rows of 16 numbers or more then begin with a cache line, and no load of them touches two.
template <class C>
struct CacheLineAllocator {
  using value_type = C;
  C* allocate(size_t n) {
    return static_cast<C*>(::operator new (n * sizeof(C), std::align_val_t{64}));
  }
  void deallocate(C* p, size_t) { ::operator delete (p, std::align_val_t{64}); }
  bool operator==(const CacheLineAllocator&) const = default;
};
template <class C>
using CacheLineVector = std::vector<C, CacheLineAllocator<C>>;

}  // namespace vicinity::kernels
