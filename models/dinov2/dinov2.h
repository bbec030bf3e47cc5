// DINOv2's vision transformer: Oquab et al. 2023, arXiv:2304.07193; registers: Darcet et al. 2023,
// arXiv:2309.16588. Names and numbers of Hugging Face's Dinov2ForImageClassification 4.37.2 and its
// variant with registers.
#pragma once

#include "models/block_state.h"
#include "models/layers/attention.h"
#include "models/layers/layer_norm.h"
#include "models/layers/mlp.h"
#include "models/layers/swiglu_ffn.h"
#include "models/model.h"

namespace vicinity {

/// Patches, class token, registers and positions -> tokens.
class Dinov2Embeddings {
 public:
  explicit Dinov2Embeddings(const Dinov2Config& config);

  /// images: [B, H, W, C] -> [B, 1 + R + N, D].
  Variable operator()(const Tensor& images, const Pass& pass) const;
  void parameters(ParameterVisitor& v);

 private:
  /// The stored table, or resampled to the grid where the image is not square or has another number
  /// of patches.
  Variable positions(int64_t height, int64_t width, const Pass& pass) const;

  Dinov2Config config_;
  Parameter cls_, mask_, registers_, positions_, weight_, bias_;
};

class Dinov2Block {
 public:
  Dinov2Block(const Dinov2Config& config, int64_t number);

  /// `next`: the norm that reads the result: the next block's first, or the model's last; or null.
  BlockState operator()(const BlockState& state, const LayerNorm* next, const Pass& pass) const;
  const LayerNorm& first_norm() const { return norm1_; }
  void parameters(ParameterVisitor& v);

 private:
  LayerNorm norm1_, norm2_;
  Attention attention_;
  Mlp mlp_;
  SwigluFfn swiglu_;
  Parameter scale1_, scale2_;
  bool use_swiglu_;
  double drop_rate_;
  int64_t number_;
};

class Dinov2 : public Model {
 public:
  Dinov2(const ModelConfig& config, const Storing& storing);

 protected:
  Variable encode(const Tensor& images, const Pass& pass) const override;
  Variable classify(const Variable& pooled, const Pass& pass) const override {
    return classifier_(pooled, pass);
  }

 private:
  /// Hidden states and feature maps of one stage: 0 the embeddings, then layer by layer.
  void keep_stage(int stage, const Variable& x, const Tensor& images, const Pass& pass) const;
  const LayerNorm* norm_after(int layer, int layers, const Pass& pass) const;
  int prefix_tokens() const { return 1 + config().dinov2.num_register_tokens; }
  void parameters(ParameterVisitor& v);

  Dinov2Embeddings embeddings_;
  std::vector<Dinov2Block> blocks_;
  LayerNorm norm_;
  Linear classifier_;
};

}  // namespace vicinity
