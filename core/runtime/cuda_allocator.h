// Memory of tensors on the GPU: a few large pieces from the driver, best fit inside them.
#pragma once

#include <exception>
#include <memory>
#include <vector>

#include "core/runtime/cuda_api.h"
#include "core/tensor/allocator.h"
#include "core/tensor/arena.h"

namespace vicinity {

/// Freed blocks are used again at once: all work runs on one stream, in order. The driver is asked
/// only when no piece has room (cudaMalloc waits for the device), so after the first steps never
/// again.
///
/// With cuda_api::checks_memory() a fresh block is full of NaNs and is followed by guard bytes,
/// which are looked at when it is released; what was found there, the next allocate() throws.
class CudaAllocator : public Allocator {
 public:
  explicit CudaAllocator(cuda_api::Stream stream) : stream_(stream) {}

  void* allocate(size_t bytes) override;
  void release(void* data, size_t bytes) override;

  /// Bytes taken from the driver.
  size_t reserved() const { return reserved_; }
  /// How often the driver was asked.
  int64_t driver_calls() const { return driver_calls_; }

  /// Until it is closed, blocks come from pieces of their own, which are handed to nobody else
  /// until they are given back. What a captured graph needs: its addresses stay its own. Returns
  /// the owner to name when giving back.
  int open_private_pieces();
  /// An owner whose pieces nothing has been taken from yet, to use while others' are open.
  int another_owner() { return ++owners_; }
  void switch_private_pieces(int owner) { owner_ = owner; }
  void close_private_pieces() { owner_ = 0; }
  void release_private_pieces(int owner);

 private:
  struct Piece {
    char* data = nullptr;
    size_t bytes = 0;
    Arena arena;
    int owner = 0;  // 0: everybody
  };
  Piece* add_piece(size_t bytes);  // null if the driver has not that much
  void* take_from(Piece& piece, size_t bytes);
  [[noreturn]] void out_of_memory(size_t bytes) const;
  void check_guard(const char* data, size_t bytes);
  void throw_failure();

  cuda_api::Stream stream_;
  std::vector<std::unique_ptr<Piece>> pieces_;
  int owner_ = 0;  // whose pieces are used now
  int owners_ = 0;
  size_t reserved_ = 0;
  int64_t driver_calls_ = 0;
  std::exception_ptr failure_;  // met in a release, which destructors call
};

}  // namespace vicinity
