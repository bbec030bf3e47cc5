#include "core/runtime/cuda_allocator.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

constexpr size_t kPieceBytes = size_t{64} << 20;
constexpr size_t kGuardBytes = 64;
constexpr int kGuardByte = 0xA5;
constexpr int kPoisonByte = 0xFF;  // NaN in every float type

size_t guarded(size_t bytes) {
  return cuda_api::checks_memory() ? bytes + kGuardBytes : std::max<size_t>(bytes, 1);
}

}  // namespace

CudaAllocator::Piece* CudaAllocator::add_piece(size_t bytes) {
  auto* data = static_cast<char*>(cuda_api::allocate(bytes));
  if (data == nullptr) return nullptr;
  ++driver_calls_;
  reserved_ += bytes;
  pieces_.push_back(std::make_unique<Piece>(Piece{data, bytes, Arena(bytes), owner_}));
  return pieces_.back().get();
}

void* CudaAllocator::take_from(Piece& piece, size_t bytes) {
  const size_t offset = piece.arena.allocate(guarded(bytes));
  if (offset == Arena::kNone) return nullptr;
  char* data = piece.data + offset;
  use_.current += bytes;
  use_.peak = std::max(use_.peak, use_.current);
  // Not while capturing: a graph would poison its inputs again at every launch.
  if (cuda_api::checks_memory() && owner_ == 0) {
    cuda_api::fill_bytes(data, kPoisonByte, bytes, stream_);
    cuda_api::fill_bytes(data + bytes, kGuardByte, kGuardBytes, stream_);
  }
  return data;
}

void CudaAllocator::throw_failure() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void* CudaAllocator::allocate(size_t bytes) {
  throw_failure();
  for (const auto& piece : pieces_) {
    if (piece->owner != owner_) continue;
    if (void* data = take_from(*piece, bytes)) return data;
  }
  // Pieces grow with what is held already, so that a step of many sizes needs few of them. The last
  // memory of the device is taken in pieces of what is needed.
  const size_t needed = guarded(bytes) + Arena::kAlignment;
  Piece* piece = add_piece(std::max({needed, kPieceBytes, reserved_ / 4}));
  if (piece == nullptr) piece = add_piece(needed);
  if (piece == nullptr) out_of_memory(bytes);
  return take_from(*piece, bytes);
}

void CudaAllocator::release(void* data, size_t bytes) {
  const auto* at = static_cast<char*>(data);
  const auto piece = std::find_if(pieces_.begin(), pieces_.end(), [&](const auto& p) {
    return at >= p->data && at < p->data + p->bytes;
  });
  VIC_ASSERT(piece != pieces_.end(), "released what was never handed out");
  // Guard bytes of a captured step are written when its graph runs, if ever; and while capturing
  // nothing can be read.
  if (cuda_api::checks_memory() && owner_ == 0 && (*piece)->owner == 0) {
    try {
      check_guard(at, bytes);
    } catch (...) {
      if (!failure_) failure_ = std::current_exception();
    }
  }
  (*piece)->arena.release(static_cast<size_t>(at - (*piece)->data));
  use_.current -= bytes;
}

void CudaAllocator::check_guard(const char* data, size_t bytes) {
  std::array<unsigned char, kGuardBytes> guard{};
  cuda_api::copy(guard.data(), data + bytes, kGuardBytes, cuda_api::Copy::to_host, stream_);
  cuda_api::synchronize(stream_);
  const auto bad = std::find_if(guard.begin(), guard.end(),
                                [](unsigned char byte) { return byte != kGuardByte; });
  VIC_ASSERT(bad == guard.end(), "a kernel wrote behind the end of a tensor of ", bytes,
             " bytes, at byte ", static_cast<ptrdiff_t>(bytes) + (bad - guard.begin()));
}

int CudaAllocator::open_private_pieces() {
  VIC_ASSERT(owner_ == 0, "two graphs are captured at once");
  owner_ = ++owners_;
  return owner_;
}

void CudaAllocator::release_private_pieces(int owner) {
  for (const auto& piece : pieces_) {
    if (piece->owner == owner) piece->owner = 0;  // ordinary tensors may live in it from now on
  }
}

void CudaAllocator::out_of_memory(size_t bytes) const {
  const cuda_api::MemoryInfo info = cuda_api::memory_info();
  const auto text = [](size_t n) { return format_bytes(static_cast<double>(n)); };
  VIC_FAIL(OutOfMemory, "out of GPU memory: ", text(bytes),
           " asked for; tensors of this process hold ", text(use_.current), " of the ",
           text(reserved_), " it has reserved; the device has ", text(info.free), " free of ",
           text(info.total),
           " (nvidia-smi tells who holds the rest); a smaller train.micro_batch needs less");
}

}  // namespace vicinity
