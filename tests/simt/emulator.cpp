#include "tests/simt/emulator.h"

#include <algorithm>
#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <cstring>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <vector>

#include "core/base/text.h"
#include "tests/simt/device.h"
#include "tests/simt/shared_memory.h"

namespace vicinity::simt {
namespace {

namespace context = boost::context;

constexpr size_t kStackBytes = 256 << 10;
constexpr size_t kStaticLimit = 48 << 10;

struct PendingCopy {
  void* to;
  unsigned char value[16];
};

struct Thread {
  int number = 0;
  bool done = false;
  std::vector<PendingCopy> open;                    // not committed
  std::vector<std::vector<PendingCopy>> committed;  // oldest first
};

// A call in a kernel's source.
struct Place {
  const char* op = "";
  const char* file = "";
  int line = 0;
  bool operator==(const Place& other) const {
    return line == other.line && same(op, other.op) && same(file, other.file);
  }
  static bool same(const char* a, const char* b) { return a == b || std::strcmp(a, b) == 0; }
  friend std::ostream& operator<<(std::ostream& out, const Place& place) {
    return out << place.op << " of " << place.file << ":" << place.line;
  }
};

struct Warp {
  int arrived = 0;
  int generation = 0;
  Place place;               // where the first lane of this meeting stands
  LaneWords lanes[2][32]{};  // of this meeting and of the one before, which some still read
};

// A fiber runs threads one after another; one that has to wait keeps its fiber, others go on in a
// new one. A kernel without barriers so needs a single fiber.
struct Worker {
  context::fiber inside;   // to resume the worker
  context::fiber outside;  // to go back to the scheduler, while the worker runs
  Thread* thread = nullptr;
  bool finished = false;
};

struct Block {
  const char* kernel;
  int64_t number, count;
  const std::function<void()>* body;
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  Shared dynamic;
  std::map<const void*, Shared> statics;
  size_t static_bytes = 0;
  std::vector<int> order;
  size_t next = 0;  // in order: the next thread to start
  int alive = 0;
  int arrived = 0, generation = 0;
  Place barrier;  // where the first thread of this barrier stands
  int64_t progress = 0;
  std::optional<std::string> fault;

  Block(const char* k, int64_t n, int64_t c, int size, size_t shared,
        const std::function<void()>& b)
      : kernel(k),
        number(n),
        count(c),
        body(&b),
        threads(static_cast<size_t>(size)),
        warps(static_cast<size_t>(size) / 32),
        dynamic(shared),
        order(static_cast<size_t>(size)),
        alive(size) {
    for (int i = 0; i < size; ++i) threads[static_cast<size_t>(i)].number = i;
    std::iota(order.begin(), order.end(), 0);
  }
};

uint64_t schedule_seed = 0;
Block* block_now = nullptr;
Worker* worker_now = nullptr;

struct Stop {};  // unwinds a thread of a faulty block

[[noreturn]] void fail(const std::string& what) {
  if (!block_now->fault) {
    block_now->fault = str("kernel ", block_now->kernel, ", block ", block_now->number, ", thread ",
                           worker_now->thread->number, ": ", what);
  }
  throw Stop{};
}

bool in_shared_memory(const void* at) {  // 16 bytes of it
  Block& block = *block_now;
  return block.dynamic.contains(at, 16) ||
         std::any_of(block.statics.begin(), block.statics.end(),
                     [&](auto& array) { return array.second.contains(at, 16); });
}

Thread& now() { return *worker_now->thread; }
Warp& warp_now() { return block_now->warps[static_cast<size_t>(now().number) / 32]; }

void yield() {
  Worker* me = worker_now;
  me->outside = std::move(me->outside).resume();
  worker_now = me;
  if (block_now->fault) throw Stop{};
}

void run_threads(Worker& worker) {
  Block& block = *block_now;
  while (block.next < block.order.size() && !block.fault) {
    worker.thread = &block.threads[static_cast<size_t>(block.order[block.next++])];
    try {
      (*block.body)();
      if (block.arrived > 0) {
        fail(str("it ended while others wait at ", block.barrier));
      }
    } catch (const Stop&) {
    }
    worker.thread->done = true;
    --block.alive;
    ++block.progress;
  }
}

std::unique_ptr<Worker> start_worker() {
  static context::pooled_fixedsize_stack stacks(kStackBytes);
  auto worker = std::make_unique<Worker>();
  worker->inside =
      context::fiber(std::allocator_arg, stacks, [me = worker.get()](context::fiber&& outside) {
        me->outside = std::move(outside);
        run_threads(*me);
        me->finished = true;
        return std::move(me->outside);
      });
  return worker;
}

void resume(Worker& worker) {
  worker_now = &worker;
  worker.inside = std::move(worker.inside).resume();
}

std::string waiting_places(const Block& block) {
  std::string text;
  if (block.arrived > 0) text += str(" ", block.arrived, " threads at ", block.barrier, ";");
  for (size_t w = 0; w < block.warps.size(); ++w) {
    const Warp& warp = block.warps[w];
    if (warp.arrived > 0) {
      text += str(" ", warp.arrived, " lanes of warp ", w, " at ", warp.place, ";");
    }
  }
  return text;
}

using Workers = std::vector<std::unique_ptr<Worker>>;

// Warps in an order of their own, lanes too.
void draw_order(Block& block, std::mt19937_64& random) {
  std::vector<int> warps(block.warps.size());
  std::iota(warps.begin(), warps.end(), 0);
  std::shuffle(warps.begin(), warps.end(), random);
  auto lanes = block.order.begin();
  for (const int warp : warps) {
    std::iota(lanes, lanes + 32, 32 * warp);
    std::shuffle(lanes, lanes + 32, random);
    lanes += 32;
  }
}

// As far as a warp comes alone: until its lanes wait for other warps or are done.
void run_ahead(Block& block, const Workers& workers, int warp) {
  int64_t before = -1;
  while (before != block.progress && !block.fault) {
    before = block.progress;
    for (const auto& worker : workers) {
      if (!worker->finished && worker->thread->number / 32 == warp) resume(*worker);
    }
  }
}

// Threads that have not begun. In a drawn order a warp runs ahead before the next begins.
void start_threads(Block& block, Workers& workers) {
  while (block.next < block.order.size() && !block.fault) {
    workers.push_back(start_worker());
    resume(*workers.back());
    if (schedule_seed != 0 && block.next % 32 == 0)
      run_ahead(block, workers, block.order[block.next - 1] / 32);
  }
}

// Threads that wait. In a drawn order each warp runs ahead in turn, so that only a barrier keeps it
// from writing what others have yet to read.
void go_on(Block& block, Workers& workers, std::mt19937_64& random) {
  if (schedule_seed != 0 && !block.fault) {
    std::vector<int> warps(block.warps.size());
    std::iota(warps.begin(), warps.end(), 0);
    std::shuffle(warps.begin(), warps.end(), random);
    for (const int warp : warps) run_ahead(block, workers, warp);
  } else {
    for (const auto& worker : workers) {
      if (!worker->finished) resume(*worker);
    }
  }
  std::erase_if(workers, [](const auto& worker) { return worker->finished; });
}

void run_block(Block& block, std::mt19937_64& random) {
  block_now = &block;
  if (schedule_seed != 0) draw_order(block, random);
  Workers workers;
  while (block.alive > 0 && !(block.fault && workers.empty())) {
    const int64_t before = block.progress;
    start_threads(block, workers);
    go_on(block, workers, random);
    if (block.progress == before && !block.fault) {
      block.fault =
          str("kernel ", block.kernel, ", block ", block.number,
              ": deadlock: some threads never come where others wait:", waiting_places(block));
    }
  }
  const auto fenced = [&](Shared& shared) {
    if (!shared.fence_intact() && !block.fault) {
      block.fault = str("kernel ", block.kernel, ", block ", block.number,
                        " wrote behind the end of ", shared.bytes(), " bytes of shared memory");
    }
  };
  fenced(block.dynamic);
  for (auto& [site, shared] : block.statics) fenced(shared);
  block_now = nullptr;
  if (block.fault) throw Fault(*block.fault);
}

}  // namespace

void set_schedule(uint64_t seed) { schedule_seed = seed; }

void check_launch(const char* name, int64_t blocks, int threads, size_t shared) {
  VIC_CHECK(
      DeviceError,
      blocks >= 1 && blocks <= 0x7fffffff && threads >= 32 && threads <= 1024 &&
          threads % 32 == 0 && shared <= device().shared_per_block,
      "kernel ", name, " on ", blocks, " blocks of ", threads, " threads with ", shared,
      " bytes of shared memory: invalid configuration (whole warps, at most 1024 threads and ",
      device().shared_per_block, " bytes)");
}

void run_grid(const char* name, int64_t blocks, int threads, size_t shared,
              const std::function<void()>& kernel) {
  std::mt19937_64 random(schedule_seed);
  for (int64_t number = 0; number < blocks; ++number) {
    Block block(name, number, blocks, threads, shared, kernel);
    run_block(block, random);
  }
}

int current_thread() { return now().number; }
int64_t current_block() { return block_now->number; }
int block_threads() { return static_cast<int>(block_now->threads.size()); }
int64_t grid_blocks() { return block_now->count; }

void block_barrier(const char* file, int line) {
  Block& block = *block_now;
  const Place here{"sync", file, line};
  if (block.arrived == 0) block.barrier = here;
  if (!(block.barrier == here)) {
    fail(str("divergent barrier: it stands at ", here, ", others at ", block.barrier));
  }
  if (block.alive < static_cast<int>(block.threads.size())) {
    fail(str(here, " after other threads have ended"));
  }
  const int generation = block.generation;
  ++block.progress;
  if (++block.arrived == block.alive) {
    block.arrived = 0;
    ++block.generation;
  }
  while (block.generation == generation) yield();
}

const LaneWords* warp_meet(const LaneWords& mine, const char* op, const char* file, int line) {
  Warp& warp = warp_now();
  const Place here{op, file, line};
  if (warp.arrived == 0) warp.place = here;
  if (!(warp.place == here)) {
    fail(str("divergent warp: it calls ", here, ", other lanes ", warp.place));
  }
  const int generation = warp.generation;
  LaneWords* lanes = warp.lanes[generation % 2];
  lanes[now().number % 32] = mine;
  ++block_now->progress;
  if (++warp.arrived == 32) {
    warp.arrived = 0;
    ++warp.generation;
  }
  while (warp.generation == generation) yield();
  return lanes;
}

void* dynamic_shared() { return block_now->dynamic.data(); }

void* static_shared(const void* site, size_t bytes) {
  Block& block = *block_now;
  const auto [array, added] = block.statics.try_emplace(site, bytes);
  if (added) {
    block.static_bytes += bytes;
    if (block.static_bytes > kStaticLimit ||
        block.static_bytes + block.dynamic.bytes() > device().shared_per_block) {
      fail(str(block.static_bytes, " bytes of static and ", block.dynamic.bytes(),
               " of dynamic shared memory: at most ", kStaticLimit, " static and ",
               device().shared_per_block, " in all"));
    }
  }
  return array->second.data();
}

void load_matrices(uint32_t (&r)[4], const void* row, bool transposed, const char* file, int line) {
  if (!in_shared_memory(row) || reinterpret_cast<uintptr_t>(row) % 16 != 0) {
    fail(str("load_matrices of ", file, ":", line,
             " from an address outside shared memory or not aligned to 16 bytes"));
  }
  const int lane = now().number % 32;
  LaneWords mine{};
  std::memcpy(mine.data(), &row, sizeof row);
  const LaneWords* lanes = warp_meet(mine, "load_matrices", file, line);
  for (int m = 0; m < 4; ++m) {
    const auto element = [&](int i, int j) {
      const char* from;
      uint16_t bits;
      std::memcpy(&from, lanes[8 * m + i].data(), sizeof from);
      std::memcpy(&bits, from + 2 * j, 2);
      return static_cast<uint32_t>(bits);
    };
    const int i = lane / 4, j = 2 * (lane % 4);
    r[m] = transposed ? element(j, i) | element(j + 1, i) << 16
                      : element(i, j) | element(i, j + 1) << 16;
  }
  warp_meet({}, "the end of load_matrices", file, line);  // all have read before one writes
}

void copy_16(void* to, const void* from, bool valid, const char* file, int line) {
  if (!in_shared_memory(to) || reinterpret_cast<uintptr_t>(to) % 16 != 0 ||
      reinterpret_cast<uintptr_t>(from) % 16 != 0) {
    fail(str("copy_16 of ", file, ":", line,
             " to an address outside shared memory, or from or to one not aligned to 16 bytes"));
  }
  PendingCopy copy{to, {}};
  if (valid) std::memcpy(copy.value, from, 16);
  now().open.push_back(copy);
}

void copies_commit() {
  now().committed.push_back(std::move(now().open));
  now().open.clear();
}

// As late as the hardware may: a missing wait reads NaNs.
void copies_wait(int pending) {
  auto& groups = now().committed;
  while (groups.size() > static_cast<size_t>(pending)) {
    for (const PendingCopy& copy : groups.front()) std::memcpy(copy.to, copy.value, 16);
    groups.erase(groups.begin());
  }
}

}  // namespace vicinity::simt
