// Best-fit allocation inside one reserved range of addresses, with neighbours merged on release.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <utility>

namespace vicinity {

/// Hands out offsets in [0, capacity). Plain bookkeeping: touches no memory. Property-tested on its
/// own.
class Arena {
 public:
  static constexpr size_t kNone = ~size_t{0};
  static constexpr size_t kAlignment = 64;

  explicit Arena(size_t capacity) { add_free(0, capacity); }

  /// Offset of a block of at least `bytes`, or kNone. The smallest block that fits is used, the
  /// lowest of equals.
  size_t allocate(size_t bytes);
  void release(size_t offset);
  /// Whether nothing is handed out.
  bool unused() const { return used_.empty(); }
  /// Bytes that are not handed out.
  size_t free_bytes() const;
  /// Bytes of the block at this offset (a multiple of kAlignment).
  size_t block_size(size_t offset) const { return used_.at(offset); }

 private:
  void add_free(size_t offset, size_t bytes);
  void remove_free(size_t offset, size_t bytes);

  std::map<size_t, size_t> used_;                // offset -> bytes
  std::map<size_t, size_t> free_;                // offset -> bytes
  std::set<std::pair<size_t, size_t>> by_size_;  // (bytes, offset) of the free blocks
};

}  // namespace vicinity
