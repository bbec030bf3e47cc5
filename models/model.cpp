#include "models/model.h"

#include "autograd/ops/dropout.h"
#include "autograd/record.h"
#include "core/ops/transfer.h"
#include "models/losses/classification_loss.h"

namespace vicinity {
namespace {

void check_masks(const ModelConfig& config, const Tensor& images, const Pass& pass) {
  if (!pass.bool_masked_pos.defined() && !pass.head_mask.defined()) return;
  VIC_CHECK(ConfigError, config.family == "dinov2",
            "bool_masked_pos and head_mask are inputs of DINOv2; DiNAT has neither");
  const Dinov2Config& c = config.dinov2;
  const Tensor &masked = pass.bool_masked_pos, &heads = pass.head_mask;
  if (masked.defined()) {
    VIC_CHECK(DTypeError, masked.dtype() == DType::u8, "bool_masked_pos is ", masked.dtype(),
              "; it holds one u8 a patch");
    const Shape wanted{images.dim(0),
                       (images.dim(1) / c.patch_size) * (images.dim(2) / c.patch_size)};
    VIC_CHECK(ShapeError, masked.shape() == wanted, "bool_masked_pos ", masked.shape(), "; images ",
              images.shape(), " in patches of ", c.patch_size, " want ", wanted);
  }
  if (heads.defined()) {
    VIC_CHECK(DTypeError, is_float(heads.dtype()) && heads.device() == kCpu, "head_mask is ",
              heads.dtype(), " on ", heads.device(), "; floats on the CPU are wanted");
    const Shape one{c.num_attention_heads}, each{c.num_hidden_layers, c.num_attention_heads};
    VIC_CHECK(ShapeError, heads.shape() == one || heads.shape() == each, "head_mask ",
              heads.shape(), "; the model wants ", one, " or ", each);
  }
}

void check_request(const ModelConfig& config, const OutputRequest& request) {
  VIC_CHECK(ConfigError, !request.reshaped_hidden_states || config.family == "dinat",
            "reshaped_hidden_states are an output of DiNAT; DINOv2 has feature_maps");
  VIC_CHECK(ConfigError, !request.feature_maps || config.backbone.built,
            "feature_maps: the model was not built as a backbone; set ModelConfig::backbone.built");
}

}  // namespace

Variable Model::logits(const Tensor& images, const Pass& pass) const {
  const Variable pooled = encode(images, pass);
  const Tensor factors = head_dropout_factors(pass, pooled.shape(), pooled.value().device());
  return classify(factors.defined() ? dropout(pooled, factors) : pooled, pass);
}

void Model::check(const Tensor& images, const OutputRequest& request, const Pass& pass) const {
  VIC_CHECK(ShapeError, images.rank() == 4 && images.dim(3) == config_.num_channels(), "images ",
            images.shape(), "; the model wants [B, H, W, ", config_.num_channels(), "]");
  check_masks(config_, images, pass);
  check_request(config_, request);
}

Outputs Model::outputs(const Tensor& images, const OutputRequest& request, Pass pass) const {
  check(images, request, pass);
  OutputSink sink(request);
  run(images, sink, std::move(pass));
  return finish(sink);
}

void Model::run(const Tensor& images, OutputSink& sink, Pass pass) const {
  pass.outputs = &sink;
  const NoGrad no_grad;
  const Variable pooled = encode(images, pass);
  if (sink.request().wants_classifier())
    sink.keep(&Outputs::logits, classify(pooled, pass).value());
}

Outputs Model::finish(const OutputSink& sink) const {
  const OutputRequest& request = sink.request();
  Outputs outputs = sink.collect();
  if (request.labels.defined()) {
    outputs.loss = classification_loss(
        outputs.logits, request.labels,
        problem_type_of(config_.problem_type, num_labels(), request.labels.dtype()));
  }
  if (!request.logits) outputs.logits = Tensor{};
  return outputs;
}

}  // namespace vicinity
