// Training batches in the order of the steps, one of them on its way while the device computes.
#pragma once

#include <exception>
#include <optional>
#include <vector>

#include "data/loader.h"
#include "train/run/parts.h"

namespace vicinity {

struct TrainBatch {
  Tensor images;                 // u8 [B, H, W, C], on the CPU; of many ranks this one's part
  Tensor labels;                 // i32 [N], of the whole batch
  std::vector<int64_t> indices;  // of its images in the source
};

class Batches {
 public:
  /// `parts` must outlive it.
  explicit Batches(RunParts& parts);

  /// The next batch is that of the step after `steps_done`. O(1).
  void seek(int64_t steps_done);
  /// The batch that prefetch() brought, or one that is waited for. Throws what went wrong while it
  /// was prepared, naming the image.
  TrainBatch next();
  /// Fetches the next batch and begins to bring it to the device. Never throws: what went wrong is
  /// thrown when the batch is wanted, so the step before it is whole.
  void prefetch();
  /// Seconds spent waiting for images since the last call.
  double take_wait();

 private:
  TrainBatch fetch();

  RunParts& parts_;
  Loader loader_;
  std::optional<TrainBatch> ready_;
  std::exception_ptr error_;
  double waited_ = 0;  // of the loader's wait, what take_wait() has told
};

}  // namespace vicinity
