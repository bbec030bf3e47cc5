// The matrix products of the published models, so that what oneDNN does at real sizes is tested.
#pragma once

#include <cstdlib>
#include <set>
#include <tuple>

#include "core/ops/linear.h"
#include "tests/support/filled.h"

namespace vicinity::testing {

/// y [tokens, outputs] = x [tokens, inputs] w^T.
struct ModelProduct {
  int64_t tokens, outputs, inputs;
  friend auto operator<=>(const ModelProduct&, const ModelProduct&) = default;
};

/// Products of a DiNAT (width of the first level, MLP ratio) at 224 px.
inline void add_dinat(std::set<ModelProduct>& all, int64_t width, int64_t ratio, int64_t batch) {
  all.insert({batch * 112 * 112, width / 2, 27});
  all.insert({batch * 56 * 56, width, 9 * width / 2});
  for (int64_t c = width, side = 56; side >= 7; c *= 2, side /= 2) {
    const int64_t tokens = batch * side * side;
    for (const auto& [outputs, inputs] :
         {std::pair{3 * c, c}, {c, c}, {ratio * c, c}, {c, ratio * c}}) {
      all.insert({tokens, outputs, inputs});
    }
    if (side > 7) all.insert({tokens / 4, 2 * c, 9 * c});
  }
  all.insert({batch, 1000, 8 * width});
}

/// Products of a ViT with 14 x 14 patches and an MLP of ratio 4 at 224 px.
inline void add_vit(std::set<ModelProduct>& all, int64_t width, int64_t batch) {
  all.insert({batch * 256, width, 588});
  for (const auto& [outputs, inputs] :
       {std::pair{3 * width, width}, {width, width}, {4 * width, width}, {width, 4 * width}}) {
    all.insert({batch * 257, outputs, inputs});
  }
  all.insert({batch, 1000, 2 * width});
}

/// DiNAT-Mini and Tiny (alike in width), Small and Base, ViT-S and B. Batch 1; with VICINITY_FULL=1
/// also 2 and 8.
inline std::set<ModelProduct> model_products() {
  std::set<ModelProduct> all;
  const bool full = std::getenv("VICINITY_FULL") != nullptr;
  for (const int64_t batch : full ? std::vector<int64_t>{1, 2, 8} : std::vector<int64_t>{1}) {
    add_dinat(all, 64, 3, batch);
    add_dinat(all, 96, 2, batch);
    add_dinat(all, 128, 2, batch);
    add_vit(all, 384, batch);
    add_vit(all, 768, batch);
  }
  return all;
}

/// f32 and bf16: y, dx and dw have the same bits with 1, 2 and 4 threads.
inline void check_product_threads(const ModelProduct& p) {
  const int before = cpu().threads();
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Tensor x = filled({p.tokens, p.inputs}, dtype, 1),
                 w = filled({p.outputs, p.inputs}, dtype, 2),
                 dy = filled({p.tokens, p.outputs}, dtype, 3),
                 bias = filled({p.outputs}, DType::f32, 4);
    std::vector<Tensor> one;
    for (const int threads : {1, 2, 4}) {
      cpu().set_threads(threads);
      const std::vector<Tensor> now = {linear(x, w, bias), linear_backward_input(dy, w),
                                       linear_backward_weight(dy, x)};
      if (one.empty()) one = now;
      for (size_t i = 0; i < now.size(); ++i) {
        EXPECT_TRUE(same_bits(one[i], now[i]))
            << dtype << " " << p.tokens << " x " << p.outputs << " x " << p.inputs << ", "
            << std::vector{"y", "dx", "dw"}[i] << ", " << threads << " threads";
      }
    }
  }
  cpu().set_threads(before);
}

}  // namespace vicinity::testing
