#include "core/tensor/arena.h"

#include "core/base/error.h"

namespace vicinity {

void Arena::add_free(size_t offset, size_t bytes) {
  free_[offset] = bytes;
  by_size_.insert({bytes, offset});
}

void Arena::remove_free(size_t offset, size_t bytes) {
  free_.erase(offset);
  by_size_.erase({bytes, offset});
}

size_t Arena::allocate(size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (bytes == 0) bytes = kAlignment;
  const auto fit = by_size_.lower_bound({bytes, 0});
  if (fit == by_size_.end()) return kNone;
  const auto [size, offset] = *fit;
  remove_free(offset, size);
  if (size > bytes) add_free(offset + bytes, size - bytes);
  used_[offset] = bytes;
  return offset;
}

void Arena::release(size_t offset) {
  const auto block = used_.find(offset);
  VIC_ASSERT(block != used_.end(), "released offset ", offset, " is not in use");
  size_t bytes = block->second;
  used_.erase(block);
  const auto next = free_.find(offset + bytes);
  if (next != free_.end()) {
    const size_t next_bytes = next->second;
    remove_free(offset + bytes, next_bytes);
    bytes += next_bytes;
  }
  auto previous = free_.lower_bound(offset);
  if (previous != free_.begin()) {
    --previous;
    const auto [start, size] = *previous;
    if (start + size == offset) {
      remove_free(start, size);
      offset = start;
      bytes += size;
    }
  }
  add_free(offset, bytes);
}

size_t Arena::free_bytes() const {
  size_t bytes = 0;
  for (const auto& [offset, size] : free_) bytes += size;
  return bytes;
}

}  // namespace vicinity
