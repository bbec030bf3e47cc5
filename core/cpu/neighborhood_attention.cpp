// Neighborhood attention on the CPU. One task = one (image, head): its dilation groups one after
// the other, so that sums over keys and into the bias gradient run in one fixed order whatever the
// threads.
#include "core/ops/neighborhood_attention.h"

#include <cmath>
#include <numbers>

#define HWY_TARGET_INCLUDE "core/cpu/neighborhood_attention.cpp"
#include "core/cpu/neighborhood_gather.h"
#include "core/cpu/neighborhood_scores.h"
#include "core/cpu/neighborhood_softmax.h"
#include "core/cpu/neighborhood_tokens.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

template <class C>
void probabilities_of(Plane<C>& p, const QueryGroup& at, C scale, const C* bias) {
  for (Ahead& ahead : p.ahead) ahead.fetch(at.count);
  scores(p, at, p.q.data(), p.kt.data(), p.p.data());
  softmax(p, at, std::numbers::log2e_v<C> * scale, bias, p.p.data());
}

/// Row y of queries, from q to out.
template <class C>
void forward_row(Plane<C>& p, int64_t y, C scale, const C* bias) {
  for_query_groups(p, y, Lanes<C>::kCount, Sharing<C>::kGroup, [&](const QueryGroup& at) {
    probabilities_of(p, at, scale, bias);
    gather(p, at, p.p.data(), p.v.data(), p.out.data());
  });
}

/// Recomputes P, then dP, dS, and the queries' part of dq, dk, dv and the bias gradient.
template <class C>
void backward_row(Plane<C>& p, int64_t y, C scale, const C* bias, C* dbias) {
  for_query_groups(p, y, Lanes<C>::kCount, Sharing<C>::kGroup, [&](const QueryGroup& at) {
    probabilities_of(p, at, scale, bias);
    scores(p, at, p.dout.data(), p.vt.data(), p.ds.data());
    softmax_backward(p, at, scale, p.p.data(), p.ds.data(), dbias);
    gather(p, at, p.ds.data(), p.k.data(), p.dq.data());
    scatter(p, at, p.p.data(), p.dout.data(), p.dv.data());
    scatter(p, at, p.ds.data(), p.q.data(), p.dk.data());
  });
}

/// P of row y of queries, [column][window] in `to`.
template <class C>
void probabilities_row(Plane<C>& p, int64_t y, C scale, const C* bias, C* to) {
  const int64_t window = p.window_rows * p.window_cols;
  for_query_groups(p, y, Lanes<C>::kCount, Sharing<C>::kGroup, [&](const QueryGroup& at) {
    probabilities_of(p, at, scale, bias);
    for (int64_t i = 0; i < at.count; ++i)
      std::copy_n(p.p.data() + i * p.score_pitch, window, to + (at.x + i) * window);
  });
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "core/cpu/neighborhood_bias.h"
#include "core/cpu/neighborhood_groups.h"

namespace vicinity::kernels {
namespace {

template <class C>
C scale_of(const Geometry& g) {
  return 1 / std::sqrt(static_cast<C>(g.head_dim));
}

// Calls work(plane, rows) for each dilation group of an (image, head).
template <class T, class Work>
void for_planes(const Geometry& g, int64_t task, Work&& work) {
  using C = Compute<T>;
  thread_local Plane<C> plane;
  for (int64_t n = 0; n < g.window.dilation * g.window.dilation; ++n) {
    const PlaneAt at = plane_at(g, task, n), next = plane_at(g, task, n + 1);
    plane.resize(at.rows, at.cols, g.window.kernel, g.head_dim);
    work(plane, PlaneRows<T, C>{g, at, next, plane});
  }
}

// Calls queries(y) for each row of a plane, before it keys(y) for rows that no query saw so far,
// and after it done(y) for those that no query will see any more: memory moves while others
// compute.
template <class C, class Keys, class Queries, class Done>
void for_rows(const Plane<C>& p, Keys&& keys, Queries&& queries, Done&& done) {
  int64_t known = 0, finished = 0;
  for (int64_t y = 0; y < p.rows; ++y) {
    const int64_t first = window_start(y, p.rows, p.window_rows);
    for (; finished < first; ++finished) done(finished);
    for (; known < first + p.window_rows; ++known) keys(known);
    queries(y);
  }
  for (; finished < p.rows; ++finished) done(finished);
}

template <class T, class C>
void load_keys(Plane<C>& p, const PlaneRows<T, C>& rows, const Tensor& qkv, int64_t y) {
  rows.load(qkv, 1, 3, y, p.row(p.k, y));
  VIC_SIMD(turn_row<C>)(p, y, p.k.data(), p.kt.data());
  rows.load(qkv, 2, 3, y, p.row(p.v, y));
}

// What load_keys will read before the queries' row y + 1, and that row.
template <class T, class C>
void fetch_ahead(Plane<C>& p, const PlaneRows<T, C>& rows, const Tensor& qkv, int64_t y) {
  const int64_t key =
      y + 1 < p.rows ? window_start(y + 1, p.rows, p.window_rows) + p.window_rows - 1 : p.rows;
  p.ahead = {rows.ahead(qkv, 0, 3, y + 1), rows.ahead(qkv, 1, 3, key), rows.ahead(qkv, 2, 3, key)};
}

template <class T, class C = Compute<T>>
void forward(Cpu& cpu, const Tensor& qkv, const Tensor& rpb, const NeighborhoodWindow& window,
             Tensor& out) {
  const Geometry g(qkv, window);
  const BiasTable<C> bias(cpu, rpb, window);
  const auto attend = VIC_SIMD(forward_row<C>);
  cpu.parallel_for(qkv.dim(0) * window.heads, [&](int64_t task) {
    for_planes<T>(g, task, [&](Plane<C>& plane, const PlaneRows<T, C>& rows) {
      const auto queries = [&](int64_t y) {
        rows.load(qkv, 0, 3, y, plane.q.data());
        fetch_ahead(plane, rows, qkv, y);
        attend(plane, y, scale_of<C>(g), bias.of(task % window.heads));
        rows.store(plane.out.data(), 0, 1, y, out);
      };
      for_rows(
          plane, [&](int64_t y) { load_keys(plane, rows, qkv, y); }, queries, [](int64_t) {});
    });
  });
}

// One plane's part of dqkv and of the bias gradient.
template <class T, class C>
void backward_plane(Plane<C>& p, const PlaneRows<T, C>& rows, const Tensor& dout, const Tensor& qkv,
                    const C* bias, C* dbias, Tensor& dqkv) {
  const auto keys = [&](int64_t y) {
    load_keys(p, rows, qkv, y);
    VIC_SIMD(turn_row<C>)(p, y, p.v.data(), p.vt.data());
    for (CacheLineVector<C>* grad : {&p.dk, &p.dv})
      std::fill_n(p.row(*grad, y), p.cols * p.width, C{0});
  };
  const auto queries = [&](int64_t y) {
    rows.load(qkv, 0, 3, y, p.q.data());
    rows.load(dout, 0, 1, y, p.dout.data());
    fetch_ahead(p, rows, qkv, y);
    p.ahead[3] = rows.ahead(dout, 0, 1, y + 1);
    VIC_SIMD(backward_row<C>)(p, y, scale_of<C>(rows.g), bias, dbias);
    rows.store(p.dq.data(), 0, 3, y, dqkv);
  };
  for_rows(p, keys, queries, [&](int64_t y) {
    rows.store(p.row(p.dk, y), 1, 3, y, dqkv);
    rows.store(p.row(p.dv, y), 2, 3, y, dqkv);
  });
}

template <class T, class C = Compute<T>>
void backward(Cpu& cpu, const Tensor& dout, const Tensor& qkv, const Tensor& rpb,
              const NeighborhoodWindow& window, NeighborhoodAttentionGrads& grads) {
  const Geometry g(qkv, window);
  const BiasTable<C> bias(cpu, rpb, window);
  const int64_t tasks = qkv.dim(0) * window.heads,
                biases = (2 * window.kernel - 1) * (2 * window.kernel - 1);
  std::vector<C> partials(static_cast<size_t>(tasks * biases));
  cpu.parallel_for(tasks, [&](int64_t task) {
    thread_local CacheLineVector<C> dbias;
    dbias.assign(static_cast<size_t>(bias.size()), C{0});
    for_planes<T>(g, task, [&](Plane<C>& plane, const PlaneRows<T, C>& rows) {
      backward_plane(plane, rows, dout, qkv, bias.of(task % window.heads), dbias.data(),
                     grads.dqkv);
    });
    bias.fold(dbias.data(), partials.data() + task * biases);
  });
  if (!rpb.defined()) return;
  C* total = grads.drpb.template data<C>();
  std::fill_n(total, window.heads * biases, C{0});
  for (int64_t task = 0; task < tasks; ++task) {
    C* head = total + task % window.heads * biases;
    for (int64_t i = 0; i < biases; ++i) head[i] += partials[task * biases + i];
  }
}

template <class T, class C = Compute<T>>
void probabilities(Cpu& cpu, const Tensor& qkv, const Tensor& rpb, const NeighborhoodWindow& window,
                   Tensor& out) {
  const Geometry g(qkv, window);
  const BiasTable<C> bias(cpu, rpb, window);
  const auto attend = VIC_SIMD(probabilities_row<C>);
  const int64_t size = window.kernel * window.kernel;
  cpu.parallel_for(qkv.dim(0) * window.heads, [&](int64_t task) {
    C* to = out.data<C>() + task * g.height * g.width * size;
    for_planes<T>(g, task, [&](Plane<C>& plane, const PlaneRows<T, C>& rows) {
      std::vector<C> row(static_cast<size_t>(plane.cols * size));
      const auto queries = [&](int64_t y) {
        rows.load(qkv, 0, 3, y, plane.q.data());
        attend(plane, y, scale_of<C>(g), bias.of(task % window.heads), row.data());
        for (int64_t x = 0; x < plane.cols; ++x) {
          const int64_t in_map = rows.token(y, x) - rows.at.batch * g.height * g.width;
          std::copy_n(row.data() + x * size, size, to + in_map * size);
        }
      };
      for_rows(
          plane, [&](int64_t y) { load_keys(plane, rows, qkv, y); }, queries, [](int64_t) {});
    });
  });
}

}  // namespace

void neighborhood_attention_forward(Cpu& cpu, const Tensor& qkv, const Tensor& rpb,
                                    const NeighborhoodWindow& window, Tensor& out) {
  for_float_dtype(qkv.dtype(), [&]<class T>() { forward<T>(cpu, qkv, rpb, window, out); });
}

void neighborhood_attention_backward(Cpu& cpu, const Tensor& dout, const Tensor& qkv,
                                     const Tensor& rpb, const NeighborhoodWindow& window,
                                     NeighborhoodAttentionGrads& grads) {
  for_float_dtype(qkv.dtype(), [&]<class T>() { backward<T>(cpu, dout, qkv, rpb, window, grads); });
}

void neighborhood_attention_probabilities(Cpu& cpu, const Tensor& qkv, const Tensor& rpb,
                                          const NeighborhoodWindow& window, Tensor& out) {
  for_float_dtype(qkv.dtype(), [&]<class T>() { probabilities<T>(cpu, qkv, rpb, window, out); });
}

}  // namespace vicinity::kernels
#endif
