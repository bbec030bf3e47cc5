// Labels of mixed images.
//   bytes     four bytes an image of labels and weights, four and four of results
//   numerics  exact
#include "core/ops/mix_labels.h"

#include "core/cuda/dev.h"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 128;

DEV_KERNEL void mix_labels_kernel(const int32_t* labels, const float* weight, int64_t count,
                                  int32_t* partner, int32_t* heavier) {
  const int64_t i = dev::block() * kThreads + dev::thread();
  if (i >= count) return;
  const int32_t own = labels[i], other = labels[count - 1 - i];
  partner[i] = other;
  heavier[i] = weight[i] >= 0.5f ? own : other;
}

}  // namespace

void mix_labels(Cuda& cuda, const Tensor& labels, const Tensor& weight, MixedLabels& mixed) {
  dev::launch(cuda, "mix_labels", mix_labels_kernel,
              LaunchShape{dev::ceil_div(labels.size(), int64_t{kThreads}), kThreads},
              labels.data<int32_t>(), weight.data<float>(), labels.size(),
              mixed.partner.data<int32_t>(), mixed.heavier.data<int32_t>());
}

}  // namespace vicinity::kernels
