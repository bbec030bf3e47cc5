// Batches of decoded and transformed images, prepared ahead by threads with bounded memory.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "data/sampler.h"
#include "data/source/source.h"
#include "data/transforms/pipeline.h"

namespace vicinity {

enum class LoaderMode {
  train,  // shuffled per epoch, augmented, endless
  eval,   // in order, one epoch after the other
};

struct LoaderConfig {
  int threads = 0;  // 0: one per core that this process may use (affinity, quota)
  uint64_t seed = 0;
  int prefetch = 4;  // batches
  /// Of each batch only the images from `first` to `first + share` are read, those of one rank; 0:
  /// all of them.
  int64_t first = 0, share = 0;
};

struct Batch {
  int64_t epoch = 0;
  int64_t count = 0, height = 0, width = 0, channels = 3;
  std::vector<uint8_t> images;  // [count, height, width, channels]
  int64_t first = 0;            // place of the first of them in the whole batch
  std::vector<int32_t> labels;  // of the whole batch, as are the indices
  std::vector<int64_t> indices;

  int64_t whole() const { return static_cast<int64_t>(labels.size()); }
};

/// A sample is a pure function of (seed, epoch, index): thread count and queue depth change
/// nothing. A batch never crosses the end of an epoch: the last one is shorter.
class Loader {
 public:
  /// The source must outlive the loader. ConfigError if evaluation leaves pictures of many sizes.
  Loader(const Source& source, TransformConfig transform, LoaderMode mode, int64_t batch,
         LoaderConfig config);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next batch, waiting for it where needed. Rethrows what a thread met, naming the image.
  Batch next();
  /// The next batch will start at this position (a multiple of the batch size) of this epoch. O(1).
  void seek(int64_t epoch, int64_t position);
  int64_t samples_per_epoch() const { return source_.size(); }
  int threads() const { return config_.threads; }
  /// Seconds that next() has spent waiting.
  double wait_seconds() const { return wait_seconds_; }

 private:
  struct Work {  // one batch in preparation
    Batch batch;
    int64_t position = 0;
    int64_t taken = 0;  // samples given to threads
    int64_t done = 0;
    std::exception_ptr error;
  };
  void run();
  void enqueue();
  struct Scratch;
  void prepare(Work& work, int64_t from, int64_t to, Scratch& scratch) const;
  Draw draw_at(const Work& work, int64_t i) const;
  void label_others(Work& work) const;
  void stop();

  const Source& source_;
  TransformConfig transform_;
  LoaderMode mode_;
  int64_t batch_;
  LoaderConfig config_;
  Extent size_;
  double wait_seconds_ = 0;

  std::mutex mutex_;
  std::condition_variable work_ready_, batch_ready_;
  std::deque<std::shared_ptr<Work>> queue_;
  int64_t next_epoch_ = 0, next_position_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace vicinity
