// Which of the flat parameters an optimiser updates, and how.
#pragma once

#include <vector>

#include "core/tensor/tensor.h"

namespace vicinity {

/// A run of the flat parameters that is updated alike.
struct UpdateRange {
  int64_t begin = 0;
  int64_t end = 0;
  double lr_scale = 1;
  bool decay = true;
};

/// Ascending ranges without overlap. For GPUs also cut into chunks of at most kChunk elements, one
/// per block, so that one launch updates everything.
class UpdateRanges {
 public:
  static constexpr int64_t kChunk = 1 << 13;
  struct Chunk {
    int64_t begin;
    int32_t size;
    int32_t decay;  // 0 or 1
    double lr_scale;
  };

  explicit UpdateRanges(std::vector<UpdateRange> ranges);
  /// One range with decay.
  static UpdateRanges whole(int64_t size) { return UpdateRanges({{0, size}}); }

  const std::vector<UpdateRange>& all() const { return ranges_; }
  /// End of the last range.
  int64_t end() const { return ranges_.empty() ? 0 : ranges_.back().end; }
  int64_t chunk_count() const { return static_cast<int64_t>(chunks_.size()); }
  /// The chunks on a device, copied there at the first call.
  const Chunk* chunks_on(Device device) const;

 private:
  std::vector<UpdateRange> ranges_;
  std::vector<Chunk> chunks_;
  mutable Tensor on_device_;  // u8
};

}  // namespace vicinity
