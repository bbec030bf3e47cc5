#include "core/tensor/allocator.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/tensor/arena.h"
#include "core/tensor/memory_tape.h"
#include "core/tensor/plan_extent.h"

namespace vicinity {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kPlainHeap = true;  // so that AddressSanitizer sees every overrun
#else
constexpr bool kPlainHeap = false;
#endif

size_t physical_memory() {
  return static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// A training step asks for the same sizes again and again. Fresh pages cost a fault and a clearing
// each, a large share of a CPU step, so pages once touched are kept, and the kernel is asked for
// huge ones.
class CpuAllocator : public Allocator {
 public:
  CpuAllocator() : capacity_(reserve()), arena_(capacity_) {}

  void* allocate(size_t bytes) override {
    MemoryTape* tape = MemoryTape::running();
    if (void* place = tape != nullptr ? tape->place(bytes) : nullptr) return place;
    void* data = take(bytes);
    if (tape != nullptr) tape->watch(data, bytes);
    return data;
  }

  void release(void* data, size_t bytes) override {
    if (MemoryTape::released(data)) return;
    const std::lock_guard lock(mutex_);
    if (kPlainHeap) {
      std::free(data);
    } else {
      arena_.release(static_cast<size_t>(static_cast<char*>(data) - base_));
    }
    use_.current -= bytes;
  }

 private:
  void* take(size_t bytes) {
    const std::lock_guard lock(mutex_);
    void* data = nullptr;
    if (kPlainHeap) {
      data = std::aligned_alloc(Arena::kAlignment,
                                (bytes / Arena::kAlignment + 1) * Arena::kAlignment);
    } else if (const size_t offset = arena_.allocate(bytes); offset != Arena::kNone) {
      data = base_ + offset;
    }
    VIC_CHECK(OutOfMemory, data != nullptr,
              "out of memory: ", format_bytes(static_cast<double>(bytes)), " asked for, ",
              format_bytes(static_cast<double>(use_.current)), " in use by tensors, ",
              format_bytes(static_cast<double>(capacity_)), " in all; a smaller batch needs less");
    use_.current += bytes;
    use_.peak = std::max(use_.peak, use_.current);
    return data;
  }

  // Reserves addresses, not memory: pages are taken when they are first touched.
  size_t reserve() {
    if (kPlainHeap) return physical_memory();
    for (size_t bytes = physical_memory();; bytes /= 2) {
      VIC_CHECK(DeviceError, bytes >= (size_t{64} << 20),
                "cannot reserve 64 MiB of addresses (see ulimit -v)");
      void* range = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (range == MAP_FAILED) continue;
      madvise(range, bytes, MADV_HUGEPAGE);
      base_ = static_cast<char*>(range);
      return bytes;
    }
  }

  std::mutex mutex_;
  char* base_ = nullptr;
  size_t capacity_;
  Arena arena_;
};

// Holds nothing: addresses that no memory has (looking there ends the program), honest counts.
class PlanAllocator : public Allocator {
 public:
  void* allocate(size_t bytes) override {
    use_.current += bytes;
    use_.peak = std::max(use_.peak, use_.current);
    const size_t offset = paper_.allocate(bytes);
    VIC_CHECK(OutOfMemory, offset != Arena::kNone, "no device has the memory for ",
              format_bytes(static_cast<double>(bytes)), " more");
    ends_.insert(offset + paper_.block_size(offset));
    extent_ = std::max(extent_, *ends_.rbegin());
    return reinterpret_cast<void*>(kNowhere + offset);
  }
  void release(void* data, size_t bytes) override {
    use_.current -= bytes;
    const size_t offset = reinterpret_cast<uintptr_t>(data) - kNowhere;
    ends_.erase(ends_.find(offset + paper_.block_size(offset)));
    paper_.release(offset);
  }

  size_t extent() const { return extent_; }
  void reset_extent() { extent_ = ends_.empty() ? 0 : *ends_.rbegin(); }

 private:
  static constexpr uintptr_t kNowhere = uintptr_t{1} << 62;  // not canonical on x86-64 and Arm

  Arena paper_{size_t{1} << 46};
  std::set<size_t> ends_;  // of what is in use
  size_t extent_ = 0;
};

PlanAllocator& plan_allocator() {
  static PlanAllocator& instance = *new PlanAllocator;
  return instance;
}

using Open = Allocator& (*)();

std::array<Open, 3>& openers() {
  static std::array<Open, 3> all{[]() -> Allocator& {
                                   static Allocator& cpu = *new CpuAllocator;
                                   return cpu;
                                 },
                                 nullptr, []() -> Allocator& { return plan_allocator(); }};
  return all;
}

}  // namespace

size_t plan_extent() { return plan_allocator().extent(); }
void reset_plan_extent() { plan_allocator().reset_extent(); }

Allocator& allocator_of(Device device) {
  const Open open = openers()[static_cast<size_t>(device.kind)];
  VIC_CHECK(DeviceError, open != nullptr, "this program was built without the device '", device,
            "'");
  return open();
}

void provide_allocator(Device device, Allocator& (*open)()) {
  openers()[static_cast<size_t>(device.kind)] = open;
}

}  // namespace vicinity
