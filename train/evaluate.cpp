#include "train/evaluate.h"

#include <algorithm>
#include <cstring>

#include "core/ops/elementwise.h"
#include "core/ops/normalize_images.h"
#include "core/ops/transfer.h"
#include "models/inference_plan.h"
#include "train/inference_memory.h"

namespace vicinity {

Tensor images_of(const Batch& batch) {
  Tensor images = empty({batch.count, batch.height, batch.width, batch.channels}, DType::u8);
  std::memcpy(images.raw(), batch.images.data(), batch.images.size());
  return images;
}

Tensor labels_of(const Batch& batch) { return tensor_of<int32_t>({batch.whole()}, batch.labels); }

namespace {

// shape: of the images that are under way.
EvalReport evaluate_batches(Model& model, Loader& loader, const Normalization& normalization,
                            DType act, const std::function<void()>& before, Shape& shape) {
  InferencePlan plan(model, {.logits = true}, act);
  EvalReport report(model.num_labels());
  const Device device = model.store().value().device();
  loader.seek(0, 0);
  for (int64_t done = 0; done < loader.samples_per_epoch();) {
    if (before) before();
    const Batch batch = loader.next();
    done += batch.whole();
    if (batch.count == 0) continue;
    shape = {batch.count, batch.height, batch.width, batch.channels};
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

}  // namespace

EvalReport evaluate(Model& model, Loader& loader, const Normalization& normalization, DType act,
                    const std::function<void()>& before) {
  Shape shape;
  try {
    return evaluate_batches(model, loader, normalization, act, before, shape);
  } catch (OutOfMemory& error) {
    explain(error, {model, {.logits = true}, act, shape, "train.micro_batch="});
    throw;
  }
}

int64_t batch_of_ranks(int64_t batch, const Communicator* comm) {
  return comm == nullptr ? batch : batch * comm->size();
}

LoaderConfig share_of_rank(LoaderConfig loading, int64_t batch, const Communicator* comm) {
  if (comm == nullptr) return loading;
  loading.first = comm->rank() * batch;
  loading.share = batch;
  return loading;
}

EvalReport merge_reports(Communicator& comm, const EvalReport& own) {
  const std::vector<Prediction>& mine = own.predictions();
  const std::string bytes(reinterpret_cast<const char*>(mine.data()),
                          mine.size() * sizeof(Prediction));
  std::vector<Prediction> all;
  for (const std::string& text : comm.all_gather_texts(bytes)) {
    const size_t before = all.size();
    all.resize(before + text.size() / sizeof(Prediction));
    std::memcpy(all.data() + before, text.data(), text.size());
  }
  std::sort(all.begin(), all.end(),
            [](const Prediction& a, const Prediction& b) { return a.index < b.index; });
  EvalReport report(own.classes());
  for (const Prediction& prediction : all) report.add(prediction);
  return report;
}

}  // namespace vicinity
