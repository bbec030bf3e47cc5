#include "train/cli/image_model.h"

#include "core/ops/normalize_images.h"
#include "core/ops/transfer.h"
#include "models/registry.h"
#include "models/weights/load.h"
#include "train/run/setup.h"

namespace vicinity {

ImageModel::ImageModel(const LoadedModel& loaded)
    : model_(make_model(loaded.config.model.architecture, DType::f32,
                        device_of(loaded.config.device))),
      normalization_(normalization_of(loaded.config.data.transform)),
      act_(activation_dtype(loaded.config.train.precision, device_of(loaded.config.device))) {
  load_weights(*model_, loaded.directory, load_options(loaded.config.model));
  if (act_ == DType::bf16) model_->store().enable_copies();
}

Tensor ImageModel::images(std::span<const Query> queries) const {
  const Image& first = queries[0].seen;
  std::vector<uint8_t> pixels;
  for (const Query& query : queries)
    pixels.insert(pixels.end(), query.seen.rgb.begin(), query.seen.rgb.end());
  const Tensor bytes = tensor_of<uint8_t>(
      {static_cast<int64_t>(queries.size()), first.height, first.width, 3}, pixels);
  return normalize_images(to_device(bytes, model_->store().value().device()), normalization_.mean,
                          normalization_.std, act_);
}

}  // namespace vicinity
