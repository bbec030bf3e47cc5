#include "core/ops/update_ranges.h"

#include <cstring>

#include "core/ops/transfer.h"

namespace vicinity {

UpdateRanges::UpdateRanges(std::vector<UpdateRange> ranges) : ranges_(std::move(ranges)) {
  int64_t before = 0;
  for (const UpdateRange& range : ranges_) {
    VIC_ASSERT(range.begin >= before && range.end >= range.begin);
    before = range.end;
    for (int64_t begin = range.begin; begin < range.end; begin += kChunk) {
      const auto size = static_cast<int32_t>(std::min(kChunk, range.end - begin));
      chunks_.push_back({begin, size, range.decay ? 1 : 0, range.lr_scale});
    }
  }
}

const UpdateRanges::Chunk* UpdateRanges::chunks_on(Device device) const {
  if (!on_device_.defined() || on_device_.device() != device) {
    Tensor host(Shape{static_cast<int64_t>(chunks_.size() * sizeof(Chunk))}, DType::u8, kCpu);
    std::memcpy(host.raw(), chunks_.data(), host.bytes());
    on_device_ = to_device(host, device);
  }
  return reinterpret_cast<const Chunk*>(on_device_.raw());
}

}  // namespace vicinity
