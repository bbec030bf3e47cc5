// Full attention on the CPU: batched products over (image, head) on qkv in place, a few images at a
// time so that the scores stay in cache.
#include "core/ops/attention.h"

#include <cmath>
#include <vector>

#include "core/cpu/dnnl.h"

#define HWY_TARGET_INCLUDE "core/cpu/attention.cpp"
#include "core/cpu/softmax_rows.h"

#if HWY_ONCE
namespace vicinity::kernels {
namespace {

// One task: some images and heads of q, k, v (or their gradients) inside [B, N, 3C], or of a tensor
// [B, N, C].
struct Layout {
  int64_t images, heads, tokens, width, head_dim, first_image, first_head;

  int64_t rows() const { return images * heads * tokens; }
  Matrix part(const Tensor& qkv, int64_t which) const {
    return at(qkv, 3 * width, which * width + first_head * head_dim);
  }
  Matrix merged(const Tensor& x) const { return at(x, width, first_head * head_dim); }
  template <class T>
  Matrix square(T* s) const {
    return {s, dtype_of<T>, tokens, 1, tokens * tokens, heads * tokens * tokens};
  }
  MatmulSize size(int64_t m, int64_t n, int64_t k) const { return {heads, m, n, k, images}; }

 private:
  Matrix at(const Tensor& x, int64_t row, int64_t column) const {
    const auto offset =
        static_cast<size_t>(first_image * tokens * row + column) * size_of(x.dtype());
    return {x.raw() + offset, x.dtype(), row, 1, head_dim, tokens * row};
  }
};

// Memory of a thread's own, which its next task uses again rather than ask for it and clear it.
template <class T, int kNumber>
T* scratch(int64_t count) {
  thread_local std::vector<T> memory;
  if (memory.size() < static_cast<size_t>(count)) memory.resize(static_cast<size_t>(count));
  return memory.data();
}

Matrix transposed(Matrix m) {
  std::swap(m.row_stride, m.col_stride);
  return m;
}

// Images and heads of one task: as many images as keep the scores around 128 KB, or single heads of
// one image where even those are larger. A function of the shape only; every task runs on one
// thread, so bits do not depend on threads.
struct Tasks {
  int64_t images = 1, heads = 1, image_groups, head_groups;

  Tasks(int64_t batch, int64_t all_heads, int64_t tokens) {
    const int64_t most = int64_t{1} << 15, per_head = tokens * tokens;
    heads = all_heads * per_head <= most ? all_heads : 1;
    images = heads == 1 && all_heads > 1 ? 1 : std::max<int64_t>(1, most / (heads * per_head));
    image_groups = (batch + images - 1) / images;
    head_groups = all_heads / heads;
  }
};

// Calls work(layout) for each task.
template <class Work>
void for_tasks(Cpu& cpu, const Tensor& qkv, int64_t heads, Work&& work) {
  const int64_t batch = qkv.dim(0), tokens = qkv.dim(1), width = qkv.dim(2) / 3;
  const Tasks tasks(batch, heads, tokens);
  cpu.parallel_for(tasks.image_groups * tasks.head_groups, [&](int64_t task) {
    const int64_t first = task / tasks.head_groups * tasks.images;
    work(Layout{std::min(tasks.images, batch - first), tasks.heads, tokens, width, width / heads,
                first, task % tasks.head_groups * tasks.heads});
  });
}

// Probabilities of a task in `p`, which has room for them; `scores` likewise.
template <class T>
void probabilities_of(const Tensor& qkv, const Layout& at, Compute<T>* scores, T* p) {
  using C = Compute<T>;
  matmul_on_one_thread(at.size(at.tokens, at.tokens, at.head_dim), at.part(qkv, 0),
                       transposed(at.part(qkv, 1)), at.square(scores));
  const auto softmax = VIC_SIMD(softmax_rows<T>);
  softmax(scores, p, at.rows(), at.tokens, 1 / std::sqrt(static_cast<C>(at.head_dim)));
}

}  // namespace

void attention_forward(Cpu& cpu, const Tensor& qkv, int64_t heads, Tensor& out) {
  for_float_dtype(qkv.dtype(), [&]<class T>() {
    for_tasks(cpu, qkv, heads, [&](const Layout& at) {
      T* p = scratch<T, 1>(at.rows() * at.tokens);
      probabilities_of<T>(qkv, at, scratch<Compute<T>, 0>(at.rows() * at.tokens), p);
      matmul_on_one_thread(at.size(at.tokens, at.head_dim, at.tokens), at.square(p),
                           at.part(qkv, 2), at.merged(out));
    });
  });
}

void attention_backward(Cpu& cpu, const Tensor& dout, const Tensor& qkv, int64_t heads,
                        Tensor& dqkv) {
  for_float_dtype(qkv.dtype(), [&]<class T>() {
    using C = Compute<T>;
    const auto softmax_backward = VIC_SIMD(softmax_rows_backward<T>);
    for_tasks(cpu, qkv, heads, [&](const Layout& at) {
      const int64_t n = at.tokens, h = at.head_dim;
      C* wide = scratch<C, 0>(at.rows() * n);
      T *p = scratch<T, 1>(at.rows() * n), *ds = scratch<T, 2>(at.rows() * n);
      probabilities_of<T>(qkv, at, wide, p);
      matmul_on_one_thread(at.size(n, n, h), at.merged(dout), transposed(at.part(qkv, 2)),
                           at.square(wide));
      softmax_backward(p, wide, ds, at.rows(), n, 1 / std::sqrt(static_cast<C>(h)));
      matmul_on_one_thread(at.size(n, h, n), at.square(ds), at.part(qkv, 1), at.part(dqkv, 0));
      matmul_on_one_thread(at.size(n, h, n), transposed(at.square(ds)), at.part(qkv, 0),
                           at.part(dqkv, 1));
      matmul_on_one_thread(at.size(n, h, n), transposed(at.square(p)), at.merged(dout),
                           at.part(dqkv, 2));
    });
  });
}

void attention_probabilities(Cpu& cpu, const Tensor& qkv, int64_t heads, Tensor& probabilities) {
  for_float_dtype(qkv.dtype(), [&]<class T>() {
    using C = Compute<T>;
    for_tasks(cpu, qkv, heads, [&](const Layout& at) {
      T* p = scratch<T, 1>(at.rows() * at.tokens);
      probabilities_of<T>(qkv, at, scratch<C, 0>(at.rows() * at.tokens), p);
      for (int64_t image = 0; image < at.images; ++image) {
        const int64_t count = at.heads * at.tokens * at.tokens;
        C* to = probabilities.data<C>() +
                ((at.first_image + image) * heads + at.first_head) * at.tokens * at.tokens;
        for (int64_t i = 0; i < count; ++i) to[i] = static_cast<C>(p[image * count + i]);
      }
    });
  });
}

}  // namespace vicinity::kernels
#endif
