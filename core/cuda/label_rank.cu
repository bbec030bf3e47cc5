// Where labels stand among the logits of their rows. A warp has one row.
//   bytes     logits once
//   numerics  exact
#include "core/cuda/dev.h"
#include "core/ops/label_rank.h"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 128;
constexpr int kRows = kThreads / dev::kWarp;  // of a block

DEV_KERNEL void label_rank_kernel(const float* logits, const int32_t* labels, int64_t rows,
                                  int classes, int32_t* ranks) {
  const int64_t row = dev::block() * kRows + dev::warp();
  if (row >= rows) return;
  const float* in = logits + row * classes;
  const int label = labels[row];
  const float own = in[label];
  int before = 0;
  for (int k = dev::lane(); k < classes; k += dev::kWarp)
    before += in[k] > own || (in[k] == own && k < label) ? 1 : 0;
  for (int mask = dev::kWarp / 2; mask > 0; mask /= 2) before += dev::shuffle_xor(before, mask);
  if (dev::lane() == 0) ranks[row] = before;
}

}  // namespace

void label_rank(Cuda& cuda, const Tensor& logits, const Tensor& labels, Tensor& ranks) {
  VIC_CHECK(DTypeError, logits.dtype() == DType::f32, "label_rank: CUDA ranks logits in f32, not ",
            logits.dtype());
  dev::launch(cuda, "label_rank", label_rank_kernel,
              LaunchShape{dev::ceil_div(logits.dim(0), int64_t{kRows}), kThreads},
              logits.data<float>(), labels.data<int32_t>(), logits.dim(0), logits.dim(1),
              ranks.data<int32_t>());
}

}  // namespace vicinity::kernels
