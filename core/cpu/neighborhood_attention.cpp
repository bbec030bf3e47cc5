// Neighborhood attention on the CPU. One task = one (image, head): its dilation groups one after
// the other, so that sums over keys and into the bias gradient run in one fixed order whatever the
// threads.
#include "core/ops/neighborhood_attention.h"

#include "core/cpu/neighborhood_plane.h"

namespace vicinity::kernels {
namespace {

struct Geometry {
  int64_t height, width, channels, head_dim;
  NeighborhoodWindow window;

  Geometry(const Tensor& qkv, const NeighborhoodWindow& w)
      : height(qkv.dim(1)),
        width(qkv.dim(2)),
        channels(qkv.dim(3) / 3),
        head_dim(channels / w.heads),
        window(w) {}

  int64_t token(const PlaneAt& at, int64_t y, int64_t x) const {
    return (at.batch * height + at.residue_y + y * window.dilation) * width + at.residue_x +
           x * window.dilation;
  }
};

template <class T, class C>
void load(const Tensor& from, const Geometry& g, const PlaneAt& at, int64_t row_width,
          int64_t offset, std::vector<C>& plane) {
  for (int64_t y = 0; y < at.rows; ++y) {
    for (int64_t x = 0; x < at.cols; ++x) {
      const T* in = from.data<T>() + g.token(at, y, x) * row_width + offset;
      C* out = plane.data() + (y * at.cols + x) * g.head_dim;
      for (int64_t t = 0; t < g.head_dim; ++t) out[t] = static_cast<C>(in[t]);
    }
  }
}

template <class T, class C>
void store(const std::vector<C>& plane, const Geometry& g, const PlaneAt& at, int64_t row_width,
           int64_t offset, Tensor& to) {
  for (int64_t y = 0; y < at.rows; ++y) {
    for (int64_t x = 0; x < at.cols; ++x) {
      T* out = to.data<T>() + g.token(at, y, x) * row_width + offset;
      const C* in = plane.data() + (y * at.cols + x) * g.head_dim;
      for (int64_t t = 0; t < g.head_dim; ++t) out[t] = static_cast<T>(in[t]);
    }
  }
}

template <class T, class C, int K>
void load_qkv(Plane<C, K>& plane, const Tensor& qkv, const Geometry& g, const PlaneAt& at) {
  plane.resize(at.rows, at.cols, g.head_dim);
  const int64_t row = 3 * g.channels, head = at.head * g.head_dim;
  load<T>(qkv, g, at, row, head, plane.q);
  load<T>(qkv, g, at, row, g.channels + head, plane.k);
  load<T>(qkv, g, at, row, 2 * g.channels + head, plane.v);
  plane.transpose(plane.k, plane.kt);
}

// Calls work(query number, row start, column start, bias corner) for each query of a plane.
template <int K, class Work>
void for_queries(const PlaneAt& at, Work&& work) {
  for (int64_t y = 0; y < at.rows; ++y) {
    const int64_t y0 = window_start(y, at.rows, K);
    for (int64_t x = 0; x < at.cols; ++x) {
      const int64_t x0 = window_start(x, at.cols, K);
      work(y * at.cols + x, y0, x0, (y0 - y + K - 1) * (2 * K - 1) + (x0 - x + K - 1));
    }
  }
}

// Calls work(at) for each dilation group of an (image, head).
template <class Work>
void for_groups(const Geometry& g, int64_t task, Work&& work) {
  const int64_t d = g.window.dilation;
  for (int64_t ry = 0; ry < d; ++ry) {
    for (int64_t rx = 0; rx < d; ++rx) {
      work(PlaneAt{task / g.window.heads, task % g.window.heads, ry, rx,
                   (g.height - ry + d - 1) / d, (g.width - rx + d - 1) / d});
    }
  }
}

template <class C>
const C* bias_of(const Tensor& rpb, int64_t head) {
  return rpb.defined() ? rpb.data<C>() + head * rpb.dim(1) * rpb.dim(2) : nullptr;
}

template <class T, int K>
void forward(Cpu& cpu, const Tensor& qkv, const Tensor& rpb, const NeighborhoodWindow& window,
             Tensor& out) {
  using C = Compute<T>;
  const Geometry g(qkv, window);
  const C scale = 1 / std::sqrt(static_cast<C>(g.head_dim));
  cpu.parallel_for(qkv.dim(0) * window.heads, [&](int64_t task) {
    thread_local Plane<C, K> plane;
    for_groups(g, task, [&](const PlaneAt& at) {
      load_qkv<T>(plane, qkv, g, at);
      const C* bias = bias_of<C>(rpb, at.head);
      for_queries<K>(at, [&](int64_t query, int64_t y0, int64_t x0, int64_t corner) {
        typename Plane<C, K>::Scores p;
        plane.scores(plane.q.data() + query * g.head_dim, plane.kt, y0, x0, p);
        plane.softmax(p, scale, bias != nullptr ? bias + corner : nullptr, 2 * K - 1);
        C* to = plane.out.data() + query * g.head_dim;
        std::fill(to, to + g.head_dim, C{0});
        plane.gather(p, plane.v, y0, x0, to);
      });
      store<T>(plane.out, g, at, g.channels, at.head * g.head_dim, out);
    });
  });
}

template <class C, int K>
struct BackwardPlane {
  Plane<C, K> plane;
  std::vector<C> dq, dk, dv;
};

// One query: recompute P, then dP, dS, and its part of dq, dk, dv and the bias gradient.
template <class C, int K>
void backward_query(BackwardPlane<C, K>& b, int64_t query, int64_t y0, int64_t x0, const C* bias,
                    C* dbias, C scale) {
  Plane<C, K>& plane = b.plane;
  const int64_t d = plane.dim_;
  typename Plane<C, K>::Scores p, ds;
  plane.scores(plane.q.data() + query * d, plane.kt, y0, x0, p);
  plane.softmax(p, scale, bias, 2 * K - 1);
  plane.scores(plane.dout.data() + query * d, plane.vt, y0, x0, ds);
  C dot = 0;
  for (int a = 0; a < K; ++a) {
    for (int c = 0; c < K; ++c) dot += p[a][c] * ds[a][c];
  }
  for (int a = 0; a < K; ++a) {
    for (int c = 0; c < K; ++c) {
      const C slope = p[a][c] * (ds[a][c] - dot);
      if (dbias != nullptr) dbias[a * (2 * K - 1) + c] += slope;
      ds[a][c] = slope * scale;
    }
  }
  plane.gather(ds, plane.k, y0, x0, b.dq.data() + query * d);
  plane.scatter(p, plane.dout.data() + query * d, ds, plane.q.data() + query * d, y0, x0, b.dv,
                b.dk);
}

template <class T, int K>
void backward(Cpu& cpu, const Tensor& dout, const Tensor& qkv, const Tensor& rpb,
              const NeighborhoodWindow& window, NeighborhoodAttentionGrads& grads) {
  using C = Compute<T>;
  const Geometry g(qkv, window);
  constexpr int64_t kTable = (2 * K - 1) * (2 * K - 1);
  const C scale = 1 / std::sqrt(static_cast<C>(g.head_dim));
  const int64_t tasks = qkv.dim(0) * window.heads;
  std::vector<C> partials(rpb.defined() ? static_cast<size_t>(tasks * kTable) : 0);
  cpu.parallel_for(tasks, [&](int64_t task) {
    thread_local BackwardPlane<C, K> b;
    C* dbias = rpb.defined() ? partials.data() + task * kTable : nullptr;
    for_groups(g, task, [&](const PlaneAt& at) {
      load_qkv<T>(b.plane, qkv, g, at);
      load<T>(dout, g, at, g.channels, at.head * g.head_dim, b.plane.dout);
      b.plane.transpose(b.plane.v, b.plane.vt);
      for (std::vector<C>* grad : {&b.dq, &b.dk, &b.dv}) grad->assign(b.plane.q.size(), C{0});
      const C* bias = bias_of<C>(rpb, at.head);
      for_queries<K>(at, [&](int64_t query, int64_t y0, int64_t x0, int64_t corner) {
        backward_query(b, query, y0, x0, bias != nullptr ? bias + corner : nullptr,
                       dbias != nullptr ? dbias + corner : nullptr, scale);
      });
      const int64_t row = 3 * g.channels, head = at.head * g.head_dim;
      store<T>(b.dq, g, at, row, head, grads.dqkv);
      store<T>(b.dk, g, at, row, g.channels + head, grads.dqkv);
      store<T>(b.dv, g, at, row, 2 * g.channels + head, grads.dqkv);
    });
  });
  if (!rpb.defined()) return;
  C* total = grads.drpb.template data<C>();
  std::fill(total, total + window.heads * kTable, C{0});
  for (int64_t task = 0; task < tasks; ++task) {
    C* head = total + task % window.heads * kTable;
    for (int64_t i = 0; i < kTable; ++i)
      head[i] += partials[static_cast<size_t>(task * kTable + i)];
  }
}

template <class T, int K>
void probabilities(Cpu& cpu, const Tensor& qkv, const Tensor& rpb, const NeighborhoodWindow& window,
                   Tensor& out) {
  using C = Compute<T>;
  const Geometry g(qkv, window);
  const C scale = 1 / std::sqrt(static_cast<C>(g.head_dim));
  cpu.parallel_for(qkv.dim(0) * window.heads, [&](int64_t task) {
    Plane<C, K> plane;
    for_groups(g, task, [&](const PlaneAt& at) {
      load_qkv<T>(plane, qkv, g, at);
      const C* bias = bias_of<C>(rpb, at.head);
      for_queries<K>(at, [&](int64_t query, int64_t y0, int64_t x0, int64_t corner) {
        typename Plane<C, K>::Scores p;
        plane.scores(plane.q.data() + query * g.head_dim, plane.kt, y0, x0, p);
        plane.softmax(p, scale, bias != nullptr ? bias + corner : nullptr, 2 * K - 1);
        const int64_t in_map =
            g.token(at, query / at.cols, query % at.cols) - at.batch * g.height * g.width;
        C* to = out.data<C>() + (task * g.height * g.width + in_map) * K * K;
        for (int a = 0; a < K; ++a) std::copy(p[a], p[a] + K, to + a * K);
      });
    });
  });
}

template <class F>
void for_kernel(int64_t kernel, F&& f) {
  switch (kernel) {
    case 3:
      return f.template operator()<3>();
    case 5:
      return f.template operator()<5>();
    case 7:
      return f.template operator()<7>();
    case 9:
      return f.template operator()<9>();
    case 11:
      return f.template operator()<11>();
    case 13:
      return f.template operator()<13>();
    default:
      VIC_FAIL(InternalError, "kernel ", kernel, " was not checked");
  }
}

}  // namespace

void neighborhood_attention_forward(Cpu& cpu, const Tensor& qkv, const Tensor& rpb,
                                    const NeighborhoodWindow& window, Tensor& out) {
  for_float_dtype(qkv.dtype(), [&]<class T>() {
    for_kernel(window.kernel, [&]<int K>() { forward<T, K>(cpu, qkv, rpb, window, out); });
  });
}

void neighborhood_attention_backward(Cpu& cpu, const Tensor& dout, const Tensor& qkv,
                                     const Tensor& rpb, const NeighborhoodWindow& window,
                                     NeighborhoodAttentionGrads& grads) {
  for_float_dtype(qkv.dtype(), [&]<class T>() {
    for_kernel(window.kernel, [&]<int K>() { backward<T, K>(cpu, dout, qkv, rpb, window, grads); });
  });
}

void neighborhood_attention_probabilities(Cpu& cpu, const Tensor& qkv, const Tensor& rpb,
                                          const NeighborhoodWindow& window, Tensor& out) {
  for_float_dtype(qkv.dtype(), [&]<class T>() {
    for_kernel(window.kernel, [&]<int K>() { probabilities<T, K>(cpu, qkv, rpb, window, out); });
  });
}

}  // namespace vicinity::kernels
