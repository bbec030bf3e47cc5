// Neighborhood attention of any odd kernel, dilation, head size and storage: backward.
//   bytes     reads qkv and dout twice, writes dqkv; 8 bytes per query and head in between
//   numerics  f32 throughout; results round once. drpb: per block in order of its queries, then
//             over blocks, as many as the shape says
#include <algorithm>

#include "core/cuda/neighborhood_generic.cuh"
#include "core/cuda/neighborhood_generic_window.cuh"

namespace vicinity::kernels {
namespace {

using namespace generic;

constexpr int kBlocks = 1056;  // of the pass over queries: eight on each of 132 multiprocessors
constexpr int kMaxBins = 25 * 25;

/// dS of the query's keys, in place of p; the sum of P dP.
template <class T>
DEV_FN float softmax_backward(const Place<T>& at, const float* dout, const float* p, float* ds) {
  const int keys = at.s.kernel * at.s.kernel;
  float delta = 0;
  for (int i = dev::lane(); i < keys; i += dev::kWarp) {
    ds[i] = dot(dout, at.qkv + at.offset(at.key(i), 2), at.s.head_dim);
    delta += p[i] * ds[i];
  }
  delta = dev::warp_sum(delta);
  for (int i = dev::lane(); i < keys; i += dev::kWarp) ds[i] = p[i] * (ds[i] - delta);
  dev::sync_warp();
  return delta;
}

/// Adds the dS of the block's queries to its bins: bins belong to threads, queries come in order.
/// corners[w]: the bin of the first key of warp w's query, -1 without a query.
DEV_FN void add_to_bins(const float* ds, int pitch, const int* corners, int kernel, float* bins) {
  const int side = 2 * kernel - 1;
  for (int bin = dev::thread(); bin < side * side; bin += kThreads) {
    float sum = bins[bin];
    for (int w = 0; w < kWarps; ++w) {
      if (corners[w] < 0) continue;
      const int i = bin / side - corners[w] / side, j = bin % side - corners[w] % side;
      if (i >= 0 && i < kernel && j >= 0 && j < kernel) sum += ds[w * pitch + i * kernel + j];
    }
    bins[bin] = sum;
  }
}

/// dq, the statistics {log of the sum of exponentials, sum of P dP} of each query and head, and the
/// block's part of drpb. Block = (part, head).
template <class T>
DEV_KERNEL void neighborhood_generic_backward_queries_kernel(WindowSizes s, const T* dout,
                                                             const T* qkv, const float* rpb,
                                                             float scale, T* dqkv,
                                                             float* statistics, float* partials) {
  DEV_DYNAMIC_SHARED(float, shared);
  DEV_SHARED(float, bins, kMaxBins);
  DEV_SHARED(int, corners, kWarps);
  const int head = static_cast<int>(dev::block() % s.heads), keys = s.kernel * s.kernel;
  const int pitch = 2 * s.head_dim + 2 * keys;
  const int side = s.bias_side();
  float *q = shared + dev::warp() * pitch, *d = q + s.head_dim, *p = d + s.head_dim, *ds = p + keys;
  for (int bin = dev::thread(); bin < side * side; bin += kThreads) bins[bin] = 0;
  const int64_t step = dev::grid_size() / s.heads * kWarps;
  for (int64_t first = dev::block() / s.heads * kWarps; first < s.tokens(); first += step) {
    const int64_t token = first + dev::warp();
    if (token < s.tokens()) {
      const Place<T> at(s, qkv, token, head);
      load_row(qkv + at.offset(token, 0), q, s.head_dim);
      load_row(dout + at.out_offset(token), d, s.head_dim);
      dev::sync_warp();
      const float lse = window_softmax(at, rpb, scale, q, p);
      const float delta = softmax_backward(at, d, p, ds);
      gather_keys(at, ds, 1, scale, dqkv + at.offset(token, 0));
      if (dev::lane() == 0) {
        statistics[(token * s.heads + head) * 2] = lse;
        statistics[(token * s.heads + head) * 2 + 1] = delta;
        corners[dev::warp()] = (at.window_row() - at.row + s.kernel - 1) * side + at.window_col() -
                               at.col + s.kernel - 1;
      }
    } else if (dev::lane() == 0) {
      corners[dev::warp()] = -1;
    }
    dev::sync();
    if (partials != nullptr) {
      add_to_bins(shared + 2 * s.head_dim + keys, pitch, corners, s.kernel, bins);
    }
    dev::sync();
  }
  if (partials == nullptr) return;
  for (int bin = dev::thread(); bin < side * side; bin += kThreads) {
    partials[dev::block() * side * side + bin] = bins[bin];
  }
}

/// dk and dv: sums over the queries that see the key, 32 at a time.
template <class T>
DEV_KERNEL void neighborhood_generic_backward_keys_kernel(WindowSizes s, const T* dout,
                                                          const T* qkv, const float* rpb,
                                                          float scale, const float* statistics,
                                                          T* dqkv) {
  DEV_DYNAMIC_SHARED(float, shared);
  const int64_t index = dev::block() * kWarps + dev::warp();
  if (index >= s.tokens() * s.heads) return;
  const Place<T> at(s, qkv, index / s.heads, static_cast<int>(index % s.heads));
  const int n = s.head_dim, side = s.bias_side(), lane = dev::lane();
  float *k = shared + dev::warp() * (4 * n + 2 * dev::kWarp), *v = k + n, *dk = v + n, *dv = dk + n;
  float *p = dv + n, *ds = p + dev::kWarp;
  load_row(qkv + at.offset(at.token, 1), k, n);
  load_row(qkv + at.offset(at.token, 2), v, n);
  for (int c = lane; c < n; c += dev::kWarp) dk[c] = dv[c] = 0;
  const int top = first_query(at.row, s.kernel), left = first_query(at.col, s.kernel);
  const int cols = end_query(at.col, at.group.cols, s.kernel) - left;
  const int count = (end_query(at.row, at.group.rows, s.kernel) - top) * cols;
  const auto query = [&](int i) { return at.group.token(top + i / cols, left + i % cols); };
  for (int first = 0; first < count; first += dev::kWarp) {
    dev::sync_warp();
    if (first + lane < count) {
      const int i = first + lane;
      const float* of = statistics + (query(i) * s.heads + at.head) * 2;
      const int up = at.row - top - i / cols + s.kernel - 1;
      float score = scale * dot(k, qkv + at.offset(query(i), 0), n);
      if (rpb != nullptr) {
        score += rpb[(at.head * side + up) * side + at.col - left - i % cols + s.kernel - 1];
      }
      p[lane] = dev::exp(score - of[0]);
      ds[lane] = p[lane] * (dot(v, dout + at.out_offset(query(i)), n) - of[1]);
    }
    dev::sync_warp();
    for (int c = lane; c < n; c += dev::kWarp) {
      for (int j = 0; j < dev::min(dev::kWarp, count - first); ++j) {
        const int64_t of = query(first + j);
        dv[c] += p[j] * dev::to_float(dout[at.out_offset(of) + c]);
        dk[c] += ds[j] * dev::to_float(qkv[at.offset(of, 0) + c]);
      }
    }
  }
  for (int c = lane; c < n; c += dev::kWarp) {
    dqkv[at.offset(at.token, 1) + c] = dev::from_float<T>(scale * dk[c]);
    dqkv[at.offset(at.token, 2) + c] = dev::from_float<T>(dv[c]);
  }
}

}  // namespace

void generic_window_backward(Cuda& cuda, const Tensor& dout, const Tensor& qkv, const Tensor& rpb,
                             const NeighborhoodWindow& window, NeighborhoodAttentionGrads& grads) {
  const WindowSizes s = window_sizes(qkv, window);
  const int keys = s.kernel * s.kernel, side = s.bias_side();
  const int64_t parts =
      std::min(dev::ceil_div(s.tokens(), int64_t{kWarps}), std::max<int64_t>(1, kBlocks / s.heads));
  Tensor statistics = empty({s.tokens(), s.heads, 2}, DType::f32, kCuda);
  Tensor partials =
      rpb.defined() ? empty({parts, s.heads, side * side}, DType::f32, kCuda) : Tensor();
  for_cuda_dtype(qkv.dtype(), [&]<class T>() {
    LaunchShape queries = warp_each(s, 2 * s.head_dim + 2 * keys);
    queries.blocks = parts * s.heads;
    dev::launch(cuda, "neighborhood_generic_backward_queries",
                neighborhood_generic_backward_queries_kernel<T>, queries, s, dout.data<T>(),
                qkv.data<T>(), data_or_null<float>(rpb), score_scale(s), grads.dqkv.data<T>(),
                statistics.data<float>(), data_or_null<float>(partials));
    dev::launch(
        cuda, "neighborhood_generic_backward_keys", neighborhood_generic_backward_keys_kernel<T>,
        warp_each(s, 4 * s.head_dim + 2 * dev::kWarp), s, dout.data<T>(), qkv.data<T>(),
        data_or_null<float>(rpb), score_scale(s), statistics.data<float>(), grads.dqkv.data<T>());
  });
  if (rpb.defined()) reduce_bias_partials(cuda, partials, grads.drpb);
}

}  // namespace vicinity::kernels
