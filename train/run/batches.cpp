#include "train/run/batches.h"

#include <utility>

#include "train/evaluate.h"

namespace vicinity {

namespace {

LoaderConfig loading_of(const RunParts& parts) {
  LoaderConfig loading{.threads = parts.config.data.loader_threads, .seed = parts.config.seed};
  if (parts.ranks) {
    loading.first = parts.ranks->first_image();
    loading.share = parts.ranks->share().images();
  }
  return loading;
}

}  // namespace

Batches::Batches(RunParts& parts)
    : parts_(parts),
      loader_(*parts.data.train, parts.config.data.transform, LoaderMode::train,
              parts.config.train.batch, loading_of(parts)) {}

void Batches::seek(int64_t steps_done) {
  const int64_t per_epoch = parts_.length.steps_per_epoch;
  loader_.seek(steps_done / per_epoch, steps_done % per_epoch * parts_.config.train.batch);
  ready_.reset();
  error_ = nullptr;
}

TrainBatch Batches::fetch() {
  parts_.doing("decode");
  Batch batch = loader_.next();
  return {images_of(batch), labels_of(batch), std::move(batch.indices)};
}

TrainBatch Batches::next() {
  if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
  if (!ready_) return fetch();
  return *std::exchange(ready_, std::nullopt);
}

void Batches::prefetch() {
  try {
    ready_ = fetch();
    parts_.trainer->stage(ready_->images, ready_->labels);
  } catch (...) {
    ready_.reset();
    error_ = std::current_exception();
  }
}

double Batches::take_wait() {
  const double before = std::exchange(waited_, loader_.wait_seconds());
  return waited_ - before;
}

}  // namespace vicinity
