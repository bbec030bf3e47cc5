#include "train/evaluate.h"

#include <cstring>

#include "core/ops/elementwise.h"
#include "core/ops/normalize_images.h"
#include "core/ops/transfer.h"
#include "models/inference_plan.h"

namespace vicinity {

Tensor images_of(const Batch& batch) {
  Tensor images = empty({batch.count, batch.height, batch.width, batch.channels}, DType::u8);
  std::memcpy(images.raw(), batch.images.data(), batch.images.size());
  return images;
}

Tensor labels_of(const Batch& batch) { return tensor_of<int32_t>({batch.whole()}, batch.labels); }

EvalReport evaluate(Model& model, Loader& loader, const Normalization& normalization, DType act,
                    const std::function<void()>& before) {
  InferencePlan plan(model, {.logits = true}, act);
  EvalReport report(model.num_labels());
  const Device device = model.store().value().device();
  loader.seek(0, 0);
  for (int64_t done = 0; done < loader.samples_per_epoch();) {
    if (before) before();
    const Batch batch = loader.next();
    done += batch.whole();
    if (batch.count == 0) continue;
    const Tensor images = normalize_images(to_device(images_of(batch), device), normalization.mean,
                                           normalization.std, act);
    const Tensor logits = cast(plan(images).logits, DType::f64);
    for (int64_t row = 0; row < batch.count; ++row) {
      const auto at = static_cast<size_t>(batch.first + row);
      report.add_logits(batch.indices[at], batch.labels[at],
                        logits.data<double>() + row * report.classes());
    }
  }
  return report;
}

}  // namespace vicinity
