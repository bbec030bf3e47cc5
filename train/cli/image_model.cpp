#include "train/cli/image_model.h"

#include "core/base/log.h"
#include "core/ops/elementwise.h"
#include "core/ops/normalize_images.h"
#include "core/ops/transfer.h"
#include "models/registry.h"
#include "models/weights/load.h"
#include "train/inference_memory.h"
#include "train/run/setup.h"

namespace vicinity {

ImageModel::ImageModel(const LoadedModel& loaded, const OutputRequest& request,
                       const Communicator* comm)
    : request_(request),
      act_(activation_dtype(loaded.config.train.precision, device_of(loaded.config.device, comm))),
      model_(make_inference_model(loaded.config.model.architecture, act_,
                                  device_of(loaded.config.device, comm))),
      normalization_(normalization_of(loaded.config.data.transform)),
      plan_(*model_, request, act_) {
  for (const std::string& remark :
       load_weights(*model_, loaded.directory, load_options(loaded.config.model)).remarks)
    log_info(remark);
}

Outputs ImageModel::outputs(std::span<const Query> queries) {
  const Image& first = queries[0].seen;
  const auto channels = static_cast<int>(normalization_.mean.size());
  Tensor bytes =
      empty({static_cast<int64_t>(queries.size()), first.height, first.width, channels}, DType::u8);
  const size_t each = bytes.bytes() / queries.size();
  for (size_t i = 0; i < queries.size(); ++i)
    copy_pixels(queries[i].seen, channels, bytes.data<uint8_t>() + i * each);
  try {
    return plan_(normalize_images(to_device(bytes, model_->store().value().device()),
                                  normalization_.mean, normalization_.std, act_));
  } catch (OutOfMemory& error) {
    plan_.clear();
    explain(error, {*model_, request_, act_, bytes.shape(), "--batch "});
    throw;
  }
}

Outputs ImageModel::outputs(const Tensor& normalised) {
  return plan_(to_device(cast(normalised, act_), model_->store().value().device()));
}

}  // namespace vicinity
