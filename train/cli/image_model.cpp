#include "train/cli/image_model.h"

#include "core/base/log.h"
#include "core/ops/elementwise.h"
#include "core/ops/normalize_images.h"
#include "core/ops/transfer.h"
#include "models/registry.h"
#include "models/weights/load.h"
#include "train/run/setup.h"

namespace vicinity {

ImageModel::ImageModel(const LoadedModel& loaded, const OutputRequest& request)
    : act_(activation_dtype(loaded.config.train.precision, device_of(loaded.config.device))),
      model_(make_inference_model(loaded.config.model.architecture, act_,
                                  device_of(loaded.config.device))),
      normalization_(normalization_of(loaded.config.data.transform)),
      plan_(*model_, request, act_) {
  for (const std::string& remark :
       load_weights(*model_, loaded.directory, load_options(loaded.config.model)).remarks)
    log_info(remark);
}

Outputs ImageModel::outputs(std::span<const Query> queries) {
  const Image& first = queries[0].seen;
  std::vector<uint8_t> pixels;
  for (const Query& query : queries)
    pixels.insert(pixels.end(), query.seen.rgb.begin(), query.seen.rgb.end());
  const Tensor bytes = tensor_of<uint8_t>(
      {static_cast<int64_t>(queries.size()), first.height, first.width, 3}, pixels);
  return plan_(normalize_images(to_device(bytes, model_->store().value().device()),
                                normalization_.mean, normalization_.std, act_));
}

Outputs ImageModel::outputs(const Tensor& normalised) {
  return plan_(to_device(cast(normalised, act_), model_->store().value().device()));
}

}  // namespace vicinity
