#include "data/loader.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "core/base/error.h"
#include "core/runtime/cpu.h"
#include "data/train_sample.h"
#include "data/transforms/multi_crop.h"

namespace vicinity {
namespace {

constexpr int64_t kSamplesPerTask = 16;

}  // namespace

Loader::Loader(const Source& source, TransformConfig transform, LoaderMode mode, int64_t batch,
               LoaderConfig config)
    : source_(source),
      transform_(std::move(transform)),
      mode_(mode),
      batch_(batch),
      config_(config) {
  VIC_CHECK(DataError, source.size() > 0, "no images to load");
  if (mode == LoaderMode::train) check_single_view(transform_.augment);
  if (config_.threads == 0) config_.threads = available_cores();
  config_.prefetch = std::max(1, config_.prefetch);
  const std::optional<Extent> fixed = mode == LoaderMode::train
                                          ? Extent{transform_.image_size, transform_.image_size}
                                          : eval_extent(transform_);
  VIC_CHECK(ConfigError, fixed, "pictures (", describe_eval(transform_),
            ") differ in size, but a batch has one; set data.eval_crop, or data.eval_resize=HxW");
  size_ = *fixed;
}

Loader::~Loader() { stop(); }

void Loader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  queue_.clear();
  stopping_ = false;
}

void Loader::seek(int64_t epoch, int64_t position) {
  stop();
  next_epoch_ = epoch;
  next_position_ = position;
  if (next_position_ >= source_.size()) {
    ++next_epoch_;
    next_position_ = 0;
  }
}

// Appends the next batch to the queue. Called with the mutex held.
void Loader::enqueue() {
  auto work = std::make_shared<Work>();
  work->position = next_position_;
  Batch& b = work->batch;
  b.epoch = next_epoch_;
  const int64_t whole = std::min(batch_, source_.size() - next_position_);
  b.first = std::min(config_.first, whole);
  b.count = config_.share == 0 ? whole : std::min(config_.share, whole - b.first);
  b.height = size_.height;
  b.width = size_.width;
  b.channels = transform_.channels();
  b.images.resize(static_cast<size_t>(b.count * b.height * b.width * b.channels));
  b.labels.resize(static_cast<size_t>(whole));
  b.indices.resize(static_cast<size_t>(whole));
  queue_.push_back(work);
  next_position_ += whole;
  if (next_position_ == source_.size()) {
    next_position_ = 0;
    ++next_epoch_;
  }
}

// What a thread uses again for each sample.
struct Loader::Scratch {
  Part part;
  Image seen;
};

// What stands at place `i` of the whole batch.
Draw Loader::draw_at(const Work& work, int64_t i) const {
  const int64_t position = work.position + i;
  if (mode_ == LoaderMode::eval) return {position};
  return draw_sample(config_.seed, work.batch.epoch, position, source_.size(),
                     transform_.augment.repeats);
}

// Of the images that other ranks read.
void Loader::label_others(Work& work) const {
  Batch& b = work.batch;
  for (int64_t i = 0; i < b.whole(); ++i) {
    if (i == b.first) i += b.count;
    if (i == b.whole()) break;
    const auto at = static_cast<size_t>(i);
    b.indices[at] = draw_at(work, i).index;
    b.labels[at] = source_.label(b.indices[at]);
  }
}

void Loader::prepare(Work& work, int64_t from, int64_t to, Scratch& scratch) const {
  Batch& b = work.batch;
  const auto bytes = static_cast<size_t>(b.height * b.width * transform_.channels());
  for (int64_t i = from; i < to; ++i) {
    const Draw draw = draw_at(work, b.first + i);
    const int64_t index = draw.index;
    try {
      if (mode_ == LoaderMode::train) {
        load_train_sample(source_, transform_, config_.seed, draw, scratch.part, scratch.seen);
      } else {
        scratch.seen = apply_eval(source_.load(index), transform_);
      }
    } catch (Error& error) {  // the name is read only where it is needed
      const bool skippable = source_.can_skip() && error.exit_code() == ExitCode::data;
      error.add_context(str("preparing ", source_.name(index),
                            skippable ? ", which data.on_error=skip leaves out" : ""));
      throw;
    }
    b.labels[static_cast<size_t>(b.first + i)] = source_.label(index);
    b.indices[static_cast<size_t>(b.first + i)] = index;
    copy_pixels(scratch.seen, transform_.channels(),
                b.images.data() + static_cast<size_t>(i) * bytes);
  }
}

void Loader::run() {
  Scratch scratch;
  std::unique_lock lock(mutex_);
  for (;;) {
    std::shared_ptr<Work> work;
    work_ready_.wait(lock, [&] {
      for (const auto& candidate : queue_) {
        if (candidate->taken < candidate->batch.count) {
          work = candidate;
          break;
        }
      }
      return stopping_ || work != nullptr;
    });
    if (stopping_) return;
    const int64_t from = work->taken, to = std::min(work->batch.count, from + kSamplesPerTask);
    work->taken = to;
    lock.unlock();
    std::exception_ptr error;
    try {
      prepare(*work, from, to, scratch);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error && !work->error) work->error = error;
    work->done += to - from;
    if (work->done == work->batch.count) batch_ready_.notify_all();
  }
}

Batch Loader::next() {
  std::unique_lock lock(mutex_);
  while (static_cast<int>(queue_.size()) < config_.prefetch) enqueue();
  if (threads_.empty()) {
    for (int t = 0; t < config_.threads; ++t) threads_.emplace_back([this] { run(); });
  }
  work_ready_.notify_all();
  const std::shared_ptr<Work> first = queue_.front();
  const auto start = std::chrono::steady_clock::now();
  batch_ready_.wait(lock, [&] { return first->done == first->batch.count; });
  wait_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  queue_.pop_front();
  if (first->error) std::rethrow_exception(first->error);
  enqueue();
  work_ready_.notify_all();
  lock.unlock();
  label_others(*first);
  return std::move(first->batch);
}

}  // namespace vicinity
