// The tensor memory of work that is done again and again: laid out once, handed out by number.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "core/tensor/arena.h"

namespace vicinity {

/// Work that asks for the same tensors in the same order each time, as a pass over images of one
/// shape does, is watched the first time, when its memory comes from the allocator as ever. What it
/// needs at once is then laid out in one block, and from the second time on each tensor has its
/// place there: nothing is asked for, nothing is searched, addresses repeat. CPU only.
///
/// Work that asks for something else than the first time has its memory from the allocator from
/// there on. No tensor of the work may outlive it, nor be released by another thread.
class MemoryTape {
 public:
  MemoryTape() = default;
  ~MemoryTape();
  MemoryTape(const MemoryTape&) = delete;
  MemoryTape& operator=(const MemoryTape&) = delete;

  /// While one of these lives, CPU tensors that this thread makes are the tape's.
  class Running {
   public:
    explicit Running(MemoryTape& tape);
    ~Running();
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
  };
  /// While one of these lives inside, they are the allocator's again: for what is to be kept.
  class Paused {
   public:
    Paused();
    ~Paused();
    Paused(const Paused&) = delete;
    Paused& operator=(const Paused&) = delete;

   private:
    bool before_;
  };

  /// Bytes of the block; 0 before the first work is done.
  size_t bytes() const { return block_ == nullptr ? 0 : extent_; }

  // For the allocator.

  /// The tape that runs on this thread and is not paused, or null.
  static MemoryTape* running();
  /// Where the next tensor lies, or null.
  void* place(size_t bytes);
  /// The first time: what the allocator gave.
  void watch(void* data, size_t bytes);
  /// Whether this lies in the block of the tape of this thread, so that there is nothing to do.
  static bool released(void* data);

 private:
  struct Place {
    size_t offset, bytes;
  };
  void begin();
  void lay_out();

  std::vector<Place> places_;
  size_t next_ = 0, extent_ = 0;
  char* block_ = nullptr;
  // The first time: addresses on paper, and those that live by where they really are.
  Arena paper_{kAddresses};
  std::map<void*, size_t> watched_;
  static constexpr size_t kAddresses = size_t{1} << 46;
};

}  // namespace vicinity
