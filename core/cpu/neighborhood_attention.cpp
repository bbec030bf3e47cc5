// Neighborhood attention on the CPU. One task = one (image, head): its dilation groups one after
// the other, so that sums over keys and into the bias gradient run in one fixed order whatever the
// threads.
#include "core/ops/neighborhood_attention.h"

#include "core/cpu/neighborhood_groups.h"
#include "core/cpu/neighborhood_plane.h"

namespace vicinity::kernels {
namespace {

template <class T, class C, int K>
void load_qkv(Plane<C, K>& plane, const Tensor& qkv, const Geometry& g, const PlaneAt& at) {
  plane.resize(at.rows, at.cols, g.head_dim);
  const int64_t row = 3 * g.channels, head = at.head * g.head_dim;
  load<T>(qkv, g, at, row, head, plane.q);
  load<T>(qkv, g, at, row, g.channels + head, plane.k);
  load<T>(qkv, g, at, row, 2 * g.channels + head, plane.v);
  plane.transpose(plane.k, plane.kt);
}

// rpb[head] with room on both sides for the lanes that a window does not use.
template <class C, int K>
void pad_bias(const Tensor& rpb, int64_t head, C* padded) {
  constexpr int64_t kSide = 2 * K - 1;
  std::fill(padded, padded + WindowLanes<K>::kBiasSize, C{0});
  for (int64_t r = 0; rpb.defined() && r < kSide; ++r) {
    std::copy_n(rpb.data<C>() + (head * kSide + r) * kSide, kSide,
                padded + r * WindowLanes<K>::kBiasPitch + WindowLanes<K>::kSpare);
  }
}

template <class C, int K, int Q>
void probabilities_of(const Plane<C, K>& plane, const QueryGroup<Q>& at, C scale, const C* bias,
                      typename Plane<C, K>::Scores (&p)[Q]) {
  plane.scores(at, plane.q, plane.kt, p);
  plane.softmax(at, p, scale, bias);
}

template <class T, int K>
void forward(Cpu& cpu, const Tensor& qkv, const Tensor& rpb, const NeighborhoodWindow& window,
             Tensor& out) {
  using C = Compute<T>;
  const Geometry g(qkv, window);
  const C scale = 1 / std::sqrt(static_cast<C>(g.head_dim));
  cpu.parallel_for(qkv.dim(0) * window.heads, [&](int64_t task) {
    thread_local Plane<C, K> plane;
    C bias[WindowLanes<K>::kBiasSize];
    pad_bias<C, K>(rpb, task % window.heads, bias);
    for_groups(g, task, [&](const PlaneAt& at) {
      load_qkv<T>(plane, qkv, g, at);
      for_query_groups<K>(at.rows, at.cols, [&]<int Q>(const QueryGroup<Q>& group) {
        typename Plane<C, K>::Scores p[Q];
        probabilities_of(plane, group, scale, bias, p);
        plane.gather(group, p, plane.v, plane.out);
      });
      store<T>(plane.out, g, at, g.channels, at.head * g.head_dim, out);
    });
  });
}

template <class C, int K>
struct BackwardPlane {
  Plane<C, K> plane;
  CacheLineVector<C> dq, dk, dv;
};

// Recomputes P, then dP, dS, and the queries' part of dq, dk, dv and the bias gradient.
template <class C, int K, int Q>
void backward_queries(BackwardPlane<C, K>& b, const QueryGroup<Q>& at, C scale, const C* bias,
                      C* dbias) {
  Plane<C, K>& plane = b.plane;
  typename Plane<C, K>::Scores p[Q], ds[Q];
  probabilities_of(plane, at, scale, bias, p);
  plane.scores(at, plane.dout, plane.vt, ds);
  plane.softmax_backward(at, p, ds, scale, dbias);
  plane.gather(at, ds, plane.k, b.dq);
  plane.scatter(at, p, plane.dout, b.dv);
  plane.scatter(at, ds, plane.q, b.dk);
}

template <class T, int K>
void backward(Cpu& cpu, const Tensor& dout, const Tensor& qkv, const Tensor& rpb,
              const NeighborhoodWindow& window, NeighborhoodAttentionGrads& grads) {
  using C = Compute<T>;
  const Geometry g(qkv, window);
  constexpr int64_t kPadded = WindowLanes<K>::kBiasSize, kSide = 2 * K - 1;
  const C scale = 1 / std::sqrt(static_cast<C>(g.head_dim));
  const int64_t tasks = qkv.dim(0) * window.heads;
  std::vector<C> partials(static_cast<size_t>(tasks * kPadded));
  cpu.parallel_for(tasks, [&](int64_t task) {
    thread_local BackwardPlane<C, K> b;
    C bias[kPadded];
    pad_bias<C, K>(rpb, task % window.heads, bias);
    C* dbias = partials.data() + task * kPadded;
    for_groups(g, task, [&](const PlaneAt& at) {
      load_qkv<T>(b.plane, qkv, g, at);
      load<T>(dout, g, at, g.channels, at.head * g.head_dim, b.plane.dout);
      b.plane.transpose(b.plane.v, b.plane.vt);
      b.dq.resize(b.plane.q.size());
      for (CacheLineVector<C>* grad : {&b.dk, &b.dv}) grad->assign(b.plane.q.size(), C{0});
      for_query_groups<K>(at.rows, at.cols, [&]<int Q>(const QueryGroup<Q>& group) {
        backward_queries(b, group, scale, bias, dbias);
      });
      const int64_t row = 3 * g.channels, head = at.head * g.head_dim;
      store<T>(b.dq, g, at, row, head, grads.dqkv);
      store<T>(b.dk, g, at, row, g.channels + head, grads.dqkv);
      store<T>(b.dv, g, at, row, 2 * g.channels + head, grads.dqkv);
    });
  });
  if (!rpb.defined()) return;
  C* total = grads.drpb.template data<C>();
  std::fill(total, total + window.heads * kSide * kSide, C{0});
  for (int64_t task = 0; task < tasks; ++task) {
    const C* padded = partials.data() + task * kPadded + WindowLanes<K>::kSpare;
    C* head = total + task % window.heads * kSide * kSide;
    for (int64_t i = 0; i < kSide * kSide; ++i)
      head[i] += padded[i / kSide * WindowLanes<K>::kBiasPitch + i % kSide];
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
    C bias[WindowLanes<K>::kBiasSize];
    pad_bias<C, K>(rpb, task % window.heads, bias);
    for_groups(g, task, [&](const PlaneAt& at) {
      load_qkv<T>(plane, qkv, g, at);
      for_query_groups<K>(at.rows, at.cols, [&]<int Q>(const QueryGroup<Q>& group) {
        typename Plane<C, K>::Scores p[Q];
        probabilities_of(plane, group, scale, bias, p);
        for (int i = 0; i < Q; ++i) {
          const int64_t query = group.query + i;
          const int64_t in_map =
              g.token(at, query / at.cols, query % at.cols) - at.batch * g.height * g.width;
          C* to = out.data<C>() + (task * g.height * g.width + in_map) * K * K;
          for (int a = 0; a < K; ++a) std::copy_n(p[i][a] + group.shift[i], K, to + a * K);
        }
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
