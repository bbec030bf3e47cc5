// Memory of tensors on the GPU: a few large pieces from the driver, best fit inside them.
#pragma once

#include <exception>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "core/runtime/cuda_api.h"
#include "core/tensor/allocator.h"
#include "core/tensor/arena.h"

namespace vicinity {

/// Freed blocks are used again at once: all work runs on one stream, in order. The driver is asked
/// only when no piece has room (cudaMalloc waits for the device), so after the first steps never
/// again. Pieces that nobody uses go back to it only when it has no more.
///
/// With cuda_api::checks_memory() a fresh block is full of NaNs and is followed by guard bytes,
/// which are looked at when it is released; what was found there, the next allocate() throws.
class CudaAllocator : public Allocator {
 public:
  explicit CudaAllocator(cuda_api::Stream stream) : stream_(stream) {}

  void* allocate(size_t bytes) override;
  void release(void* data, size_t bytes) override;

  /// Gives back to the driver what everybody's pieces hold and nobody uses. False if there is no
  /// such piece, or while work is recorded, which it would spoil.
  bool give_back_unused_pieces();
  /// Bytes that tensors outside of recorded steps can still have: of the driver, and in pieces.
  size_t room() const;

  /// Bytes taken from the driver.
  size_t reserved() const { return reserved_; }
  /// How often the driver was asked.
  int64_t driver_calls() const { return driver_calls_; }

  /// A new owner of pieces that are handed to nobody else (core/runtime/cuda_graph.h).
  int add_owner() { return ++owners_; }
  /// Blocks come from the pieces of `owner` from now on; 0: from everybody's. Returns whose they
  /// were until now.
  int switch_owner(int owner) { return std::exchange(owner_, owner); }
  /// Its pieces are everybody's from now on, with what still lies in them.
  void remove_owner(int owner);
  /// While work is recorded and not run, nothing can be looked at, and a fresh block is not filled:
  /// a graph would do that again at every launch.
  void set_capturing(bool capturing) { capturing_ = capturing; }

 private:
  struct Piece {
    char* data = nullptr;
    size_t bytes = 0;
    Arena arena;
    int owner = 0;  // 0: everybody
  };
  bool add_piece(size_t bytes);  // false if the driver has not that much
  bool add_piece_for(size_t bytes);
  void* take(size_t bytes);  // null if no piece has room
  void* take_from(Piece& piece, size_t bytes);
  size_t reserved_for(int owner) const;
  [[noreturn]] void out_of_memory(size_t bytes) const;
  void check_guard(const char* data, size_t bytes);
  void throw_failure();

  cuda_api::Stream stream_;
  std::vector<std::unique_ptr<Piece>> pieces_;
  int owner_ = 0;  // whose pieces are used now
  int owners_ = 0;
  bool capturing_ = false;
  size_t reserved_ = 0;
  int64_t driver_calls_ = 0;
  std::set<const void*> guarded_;  // blocks followed by guard bytes
  std::exception_ptr failure_;     // met in a release, which destructors call
};

}  // namespace vicinity
