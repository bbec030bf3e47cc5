// Runs CUDA kernels on the CPU: each thread of a block is a fiber, blocks run one after another.
// What it shows that a GPU hides: shared memory starts as NaNs and is fenced, barriers and warp
// ops must be met by all and at one place in the source, asynchronous copies arrive only when they
// are waited for, and the order of threads can be drawn anew.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>

#include "core/base/error.h"
#include "core/runtime/cuda_api.h"

namespace vicinity::simt {

/// A kernel did what no GPU guarantees, or hangs one. The message names kernel, block and thread.
VIC_ERROR_TYPE(Fault, ExitCode::device);

/// Warps and lanes run in an order drawn from this seed, and a warp runs until it has to wait for
/// others; 0: in their own order, all warps a step at a time.
void set_schedule(uint64_t seed);

// --- launching
void check_launch(const char* name, int64_t blocks, int threads, size_t shared);
/// Runs a whole grid now.
void run_grid(const char* name, int64_t blocks, int threads, size_t shared,
              const std::function<void()>& kernel);
/// Work for a stream (tests/simt/cuda_api.cpp): done when the stream is synchronized.
void enqueue(cuda_api::Stream stream, std::function<void()> work);
/// Kernels, copies and products run so far, for tests of what was captured.
int64_t operations_run();

// --- what dev_emulated.h is made of; inside a kernel only
int current_thread();
int64_t current_block();
int block_threads();
int64_t grid_blocks();
void block_barrier(const char* file, int line);
/// What a lane brings to a warp op.
using LaneWords = std::array<uint32_t, 6>;
/// All 32 lanes meet at one op. What each brought, by lane: readable until the next meeting.
const LaneWords* warp_meet(const LaneWords& mine, const char* op, const char* file, int line);
void* dynamic_shared();
void* static_shared(const void* site, size_t bytes);
template <class Site>
void* shared_array(Site, size_t bytes) {
  static char site = 0;  // one per place in the source, for each instance of a template
  return static_shared(&site, bytes);
}
void mma_16816(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const char* file,
               int line);
void load_matrices(uint32_t (&r)[4], const void* row, bool transposed, const char* file, int line);
void copy_16(void* to, const void* from, bool valid, const char* file, int line);
void copies_commit();
void copies_wait(int pending);

}  // namespace vicinity::simt
