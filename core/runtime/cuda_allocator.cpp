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
constexpr size_t kMostPieces = 256;  // on a device so small that these would be most of it
// In pieces: what everybody's memory may have ahead, which a recorded step, by far the largest,
// cannot use. Its own pieces may be as large as they like: many small ones have many gaps.
constexpr size_t kMostGrowth = 8;
constexpr size_t kGuardBytes = 64;
constexpr int kPoisonByte = 0xFF;  // NaN in every float type

/// Behind the block at `data`. Not the same behind its neighbours: what a kernel copies from behind
/// one to behind the other shows. As floats 0.01 to 50, which sums do not lose.
int guard_byte(const char* data) {
  return 0x3C + static_cast<int>(reinterpret_cast<uintptr_t>(data) / Arena::kAlignment % 7);
}

size_t guarded(size_t bytes) {
  return cuda_api::checks_memory() ? bytes + kGuardBytes : std::max<size_t>(bytes, 1);
}

}  // namespace

bool CudaAllocator::add_piece(size_t bytes) {
  auto* data = static_cast<char*>(cuda_api::allocate(bytes));
  if (data == nullptr) return false;
  ++driver_calls_;
  reserved_ += bytes;
  pieces_.push_back(std::make_unique<Piece>(Piece{data, bytes, Arena(bytes), owner_}));
  return true;
}

// Pieces grow with what their owner has already, so that a step of many sizes needs few of them.
// Where the device has less left, half as much is asked for, down to what is needed.
bool CudaAllocator::add_piece_for(size_t bytes) {
  const size_t needed = guarded(bytes) + Arena::kAlignment;
  const size_t least = std::min(kPieceBytes, cuda_api::memory_info().total / kMostPieces);
  const size_t growth =
      std::min(reserved_for(owner_) / 4, owner_ == 0 ? kMostGrowth * least : SIZE_MAX);
  size_t wanted = std::max({needed, least, growth});
  while (!add_piece(wanted)) {
    if (wanted == needed) return false;
    wanted = std::max(needed, wanted / 2);
  }
  return true;
}

bool CudaAllocator::give_back_unused_pieces() {
  if (capturing_) return false;
  const auto unused = [](const auto& piece) { return piece->owner == 0 && piece->arena.unused(); };
  if (std::none_of(pieces_.begin(), pieces_.end(), unused)) return false;
  cuda_api::synchronize(stream_);  // work that was enqueued may still use them
  for (const auto& piece : pieces_) {
    if (!unused(piece)) continue;
    reserved_ -= piece->bytes;
    cuda_api::release(piece->data);
  }
  std::erase_if(pieces_, unused);
  return true;
}

size_t CudaAllocator::room() const {
  size_t bytes = cuda_api::memory_info().free;
  for (const auto& piece : pieces_) bytes += piece->owner == 0 ? piece->arena.free_bytes() : 0;
  return bytes;
}

size_t CudaAllocator::reserved_for(int owner) const {
  size_t bytes = 0;
  for (const auto& piece : pieces_) bytes += piece->owner == owner ? piece->bytes : 0;
  return bytes;
}

void* CudaAllocator::take_from(Piece& piece, size_t bytes) {
  const size_t offset = piece.arena.allocate(guarded(bytes));
  if (offset == Arena::kNone) return nullptr;
  char* data = piece.data + offset;
  use_.current += bytes;
  use_.peak = std::max(use_.peak, use_.current);
  if (cuda_api::checks_memory() && !capturing_) {
    cuda_api::fill_bytes(data, kPoisonByte, bytes, stream_);
    cuda_api::fill_bytes(data + bytes, guard_byte(data), kGuardBytes, stream_);
    guarded_.insert(data);
  }
  return data;
}

void CudaAllocator::throw_failure() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void* CudaAllocator::take(size_t bytes) {
  for (const auto& piece : pieces_) {
    if (piece->owner != owner_) continue;
    if (void* data = take_from(*piece, bytes)) return data;
  }
  return nullptr;
}

void* CudaAllocator::allocate(size_t bytes) {
  throw_failure();
  if (void* data = take(bytes)) return data;
  if (!add_piece_for(bytes) && !(give_back_unused_pieces() && add_piece_for(bytes)))
    out_of_memory(bytes);
  return take_from(*pieces_.back(), bytes);
}

void CudaAllocator::release(void* data, size_t bytes) {
  const auto* at = static_cast<char*>(data);
  const auto piece = std::find_if(pieces_.begin(), pieces_.end(), [&](const auto& p) {
    return at >= p->data && at < p->data + p->bytes;
  });
  VIC_ASSERT(piece != pieces_.end(), "released what was never handed out");
  // While capturing nothing can be read.
  if (guarded_.erase(data) > 0 && !capturing_) {
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
                                [&](unsigned char byte) { return byte != guard_byte(data); });
  VIC_ASSERT(bad == guard.end(), "a kernel wrote behind the end of a tensor of ", bytes,
             " bytes, at byte ", static_cast<ptrdiff_t>(bytes) + (bad - guard.begin()));
}

void CudaAllocator::remove_owner(int owner) {
  for (const auto& piece : pieces_) {
    if (piece->owner == owner) piece->owner = 0;
  }
}

void CudaAllocator::out_of_memory(size_t bytes) const {
  const cuda_api::MemoryInfo info = cuda_api::memory_info();
  const size_t kept = reserved_ - reserved_for(0),
               others = info.total - std::min(info.total, info.free + reserved_);
  const auto text = [](size_t n) { return format_bytes(static_cast<double>(n)); };
  VIC_FAIL(OutOfMemory, "out of GPU memory: ", text(bytes),
           " asked for. Tensors of this process hold ", text(use_.current), " of the ",
           text(reserved_), " it has reserved (", text(kept),
           " of it for recorded steps); other processes and the driver hold ", text(others),
           "; the device has ", text(info.free), " free of ", text(info.total),
           ". nvidia-smi names the other processes; a smaller batch needs less");
}

}  // namespace vicinity
