// Elementwise ops on the CPU. Bound by memory: plain loops that the compiler vectorises, cut into
// fixed chunks.
#include "core/ops/elementwise.h"

#include <cstring>

namespace vicinity::kernels {
namespace {

constexpr int64_t kChunk = 1 << 15;

}  // namespace

void add_forward(Cpu& cpu, const Tensor& a, const Tensor& b, Tensor& y) {
  for_float_dtype(y.dtype(), [&]<class T>() {
    const T *pa = a.data<T>(), *pb = b.data<T>();
    T* py = y.data<T>();
    cpu.parallel_chunks(y.size(), kChunk, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        py[i] = static_cast<T>(static_cast<Compute<T>>(pa[i]) + static_cast<Compute<T>>(pb[i]));
      }
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
      const From* px = x.data<From>();
      To* py = y.data<To>();
      cpu.parallel_chunks(x.size(), kChunk, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          py[i] = static_cast<To>(static_cast<Compute<To>>(static_cast<Compute<From>>(px[i])));
        }
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
    T* py = y.data<T>();
    const auto f = static_cast<Compute<T>>(factor);
    cpu.parallel_chunks(y.size(), kChunk, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        py[i] = static_cast<T>(static_cast<Compute<T>>(py[i]) * f);
    });
  });
}

}  // namespace vicinity::kernels
