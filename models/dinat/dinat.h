// Dilated Neighborhood Attention Transformer: Hassani & Shi 2022, arXiv:2209.15001; NAT (all
// dilations 1): Hassani et al. 2023, arXiv:2204.07143. Names and numbers of Hugging Face's
// DinatForImageClassification 4.37.2.
#pragma once

#include "models/block_state.h"
#include "models/layers/conv3x3.h"
#include "models/layers/layer_norm.h"
#include "models/layers/mlp.h"
#include "models/layers/neighborhood_attention.h"
#include "models/model.h"

namespace vicinity {

/// One pre-norm block. Its two residual sums also compute the LayerNorm that reads them next.
class DinatBlock {
 public:
  DinatBlock(const DinatConfig& config, int level, int block, double drop_rate, int64_t number);

  /// `next`: first norm of the following block of the level, or null.
  BlockState operator()(const BlockState& state, const LayerNorm* next, const Pass& pass) const;
  const LayerNorm& first_norm() const { return norm1_; }
  void parameters(ParameterVisitor& v);

 private:
  Variable layer_scale(int64_t row) const;

  NeighborhoodAttention attention_;
  LayerNorm norm1_, norm2_;
  Mlp mlp_;
  Parameter layer_scale_;
  bool has_layer_scale_;
  double drop_rate_;
  int64_t number_;  // of all blocks of the model: names the draws of drop path
};

class DinatLevel {
 public:
  DinatLevel(const DinatConfig& config, int level, const std::vector<double>& drop_rates,
             int64_t first_block);

  /// x: [B, H, W, C] -> same. Of its blocks only the last brings attentions.
  Variable operator()(const Variable& x, const Pass& pass) const;
  /// x: [B, H, W, C] -> [B, ceil(H/2), ceil(W/2), 2C] where a level follows, else x itself.
  Variable downsample(const Variable& x) const;
  void parameters(ParameterVisitor& v);

 private:
  int level_;
  std::vector<DinatBlock> blocks_;
  bool downsamples_;
  Conv3x3 reduction_;
  LayerNorm down_norm_;
};

class Dinat : public Model {
 public:
  Dinat(const ModelConfig& config, const Storing& storing);

 protected:
  Variable encode(const Tensor& images, const Pass& pass) const override;
  Variable classify(const Variable& pooled, const Pass& pass) const override {
    return classifier_(pooled, pass);
  }

 private:
  void keep_hidden(const Variable& x, const Pass& pass) const;
  void keep_features(int stage, const Variable& x, const Pass& pass) const;
  void parameters(ParameterVisitor& v);

  Conv3x3 tokenizer1_, tokenizer2_;
  LayerNorm tokenizer_norm_;
  std::vector<DinatLevel> levels_;
  std::vector<int> stages_;  // of the backbone, with a norm each; empty if it is none
  std::vector<LayerNorm> stage_norms_;
  LayerNorm norm_;
  Linear classifier_;
};

}  // namespace vicinity
