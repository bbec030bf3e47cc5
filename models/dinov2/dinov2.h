// DINOv2's vision transformer: Oquab et al. 2023, arXiv:2304.07193; registers: Darcet et al. 2023,
// arXiv:2309.16588. Names and numbers of Hugging Face's Dinov2ForImageClassification 4.37.2 and its
// variant with registers.
#pragma once

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

  /// images: [B, H, W, C]; mask: u8 [B, N] or absent -> [B, 1 + R + N, D].
  Variable operator()(const Tensor& images, const Tensor& mask, const Pass& pass) const;
  void parameters(ParameterVisitor& v);

 private:
  /// The stored table, or resampled to the grid where the image is not square or has another number
  /// of patches.
  Variable positions(int64_t height, int64_t width) const;

  Dinov2Config config_;
  Parameter cls_, mask_, registers_, positions_, weight_, bias_;
};

class Dinov2Block {
 public:
  Dinov2Block(const Dinov2Config& config, int64_t number);

  struct State {
    Variable x;
    Variable normed;
  };
  /// `next`: the norm that reads the result: the next block's first, or the model's last.
  State operator()(const State& state, const LayerNorm& next, const Pass& pass) const;
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
  Dinov2(const ModelConfig& config, DType dtype, Device device);

  Variable logits(const Tensor& images, const Pass& pass) const override;
  /// The same with some patches replaced by the mask token.
  Variable masked_logits(const Tensor& images, const Tensor& mask, const Pass& pass) const;

 private:
  void parameters(ParameterVisitor& v);

  Dinov2Embeddings embeddings_;
  std::vector<Dinov2Block> blocks_;
  LayerNorm norm_;
  Linear classifier_;
};

}  // namespace vicinity
