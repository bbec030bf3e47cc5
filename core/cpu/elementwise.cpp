// Elementwise ops on the CPU, cut into fixed chunks: bound by memory where it is not in cache.
#include "core/ops/elementwise.h"

#include <cstring>

#define HWY_TARGET_INCLUDE "core/cpu/elementwise.cpp"
#include "core/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

template <class T, class C = Compute<T>>
void add_all(const T* a, const T* b, int64_t count, T* y) {
  for_lanes<C>(count, [&](int64_t i, auto part) {
    store(load(a + i, part) + load(b + i, part), y + i, part);
  });
}

template <class T, class C = Compute<T>>
void scale_all(C factor, int64_t count, T* y) {
  for_lanes<C>(count,
               [&](int64_t i, auto part) { store(load(y + i, part) * factor, y + i, part); });
}

template <class From, class To>
void convert_all(const From* x, int64_t count, To* y) {
  if constexpr (std::is_same_v<Compute<From>, Compute<To>>) {
    for_lanes<Compute<To>>(count,
                           [&](int64_t i, auto part) { store(load(x + i, part), y + i, part); });
  } else {
    for (int64_t i = 0; i < count; ++i)
      y[i] = static_cast<To>(static_cast<Compute<To>>(static_cast<Compute<From>>(x[i])));
  }
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vicinity::kernels {
namespace {

constexpr int64_t kChunk = 1 << 15;

}  // namespace

void add_forward(Cpu& cpu, const Tensor& a, const Tensor& b, Tensor& y) {
  for_float_dtype(y.dtype(), [&]<class T>() {
    const auto run = VIC_SIMD(add_all<T>);
    cpu.parallel_chunks(y.size(), kChunk, [&](int64_t begin, int64_t end) {
      run(a.data<T>() + begin, b.data<T>() + begin, end - begin, y.data<T>() + begin);
    });
  });
}

void copy_forward(Cpu& cpu, const Tensor& x, Tensor& y) {
  if (x.dtype() == y.dtype()) {
    const size_t item = size_of(x.dtype());
    cpu.parallel_chunks(x.size(), kChunk, [&](int64_t begin, int64_t end) {
      const auto offset = static_cast<size_t>(begin) * item;
      std::memcpy(y.raw() + offset, x.raw() + offset, static_cast<size_t>(end - begin) * item);
    });
    return;
  }
  for_float_dtype(x.dtype(), [&]<class From>() {
    for_float_dtype(y.dtype(), [&]<class To>() {
      const auto run = VIC_SIMD(convert_all<From, To>);
      cpu.parallel_chunks(x.size(), kChunk, [&](int64_t begin, int64_t end) {
        run(x.data<From>() + begin, end - begin, y.data<To>() + begin);
      });
    });
  });
}

void fill_forward(Cpu& cpu, double value, Tensor& y) {
  if (value == 0) {
    std::memset(y.raw(), 0, y.bytes());
    return;
  }
  for_float_dtype(y.dtype(), [&]<class T>() {
    T* py = y.data<T>();
    const T v = static_cast<T>(static_cast<Compute<T>>(value));
    cpu.parallel_chunks(y.size(), kChunk,
                        [&](int64_t begin, int64_t end) { std::fill(py + begin, py + end, v); });
  });
}

void scale_forward(Cpu& cpu, double factor, Tensor& y) {
  for_float_dtype(y.dtype(), [&]<class T>() {
    const auto run = VIC_SIMD(scale_all<T>);
    cpu.parallel_chunks(y.size(), kChunk, [&](int64_t begin, int64_t end) {
      run(static_cast<Compute<T>>(factor), end - begin, y.data<T>() + begin);
    });
  });
}

}  // namespace vicinity::kernels
#endif
