#include "core/tensor/memory_tape.h"

#ifdef _OPENMP  // the fuzz targets are built without
#include <omp.h>
#endif

#include <algorithm>
#include <exception>
#include <utility>

#include "core/base/error.h"
#include "core/tensor/allocator.h"

namespace vicinity {
namespace {

thread_local MemoryTape* current = nullptr;
thread_local bool paused = false;

bool in_a_team() {
#ifdef _OPENMP
  return omp_in_parallel() != 0;
#else
  return false;
#endif
}

}  // namespace

MemoryTape::~MemoryTape() {
  if (block_ != nullptr) allocator_of(kCpu).release(block_, extent_);
}

MemoryTape::Running::Running(MemoryTape& tape) {
  VIC_ASSERT(current == nullptr, "a memory tape inside another");
  tape.begin();
  current = &tape;
}

MemoryTape::Running::~Running() {
  MemoryTape& tape = *std::exchange(current, nullptr);
  if (std::uncaught_exceptions() == 0) tape.lay_out();
}

MemoryTape::Paused::Paused() : before_(std::exchange(paused, true)) {}
MemoryTape::Paused::~Paused() { paused = before_; }

// What threads of a team ask for comes in any order.
MemoryTape* MemoryTape::running() {
  return paused || current == nullptr || in_a_team() ? nullptr : current;
}

void MemoryTape::begin() {
  next_ = 0;
  if (block_ != nullptr) return;
  places_.clear();  // of a first time that did not come to its end
  watched_.clear();
  paper_ = Arena(kAddresses);
  extent_ = 0;
}

void MemoryTape::lay_out() {
  if (block_ == nullptr && extent_ > 0)
    block_ = static_cast<char*>(allocator_of(kCpu).allocate(extent_));
}

void* MemoryTape::place(size_t bytes) {
  if (block_ == nullptr) return nullptr;
  if (next_ == places_.size() || places_[next_].bytes != bytes) {
    next_ = places_.size();  // other work than the first time: no more places in this run
    return nullptr;
  }
  return block_ + places_[next_++].offset;
}

void MemoryTape::watch(void* data, size_t bytes) {
  if (block_ != nullptr) return;
  const size_t offset = paper_.allocate(bytes);
  extent_ = std::max(extent_, offset + paper_.block_size(offset));
  places_.push_back({offset, bytes});
  watched_[data] = offset;
}

bool MemoryTape::released(void* data) {
  if (current == nullptr) return false;
  const char* byte = static_cast<const char*>(data);
  if (current->block_ != nullptr)
    return current->block_ <= byte && byte < current->block_ + current->extent_;
  const auto watched = current->watched_.find(data);
  if (watched == current->watched_.end()) return false;
  current->paper_.release(watched->second);
  current->watched_.erase(watched);
  return false;
}

}  // namespace vicinity
