// The one seam between Vicinity and NVIDIA's libraries: every call to the CUDA runtime and to
// cublasLt. Beside it there are dev::launch (core/cuda/dev.h) and the table of NCCL
// (core/comm/nccl_calls.h), and no other file knows NVIDIA's headers (tests/check_layers.py).
// core/runtime/cuda_api.cpp and cuda_gemm.cpp are the real side; tests/simt/cuda_api.cpp runs the
// same calls on the CPU, for tests without a GPU.
// All functions throw DeviceError with NVIDIA's own words and the arguments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "core/tensor/dtype.h"

namespace vicinity::cuda_api {

// Handles: cudaStream_t, cudaEvent_t, cudaGraphExec_t, cublasLtHandle_t.
using Stream = struct StreamHandle*;
using Event = struct EventHandle*;
using Graph = struct GraphHandle*;
using Blas = struct BlasHandle*;

/// Empty if this device can be used; else why not: no driver, a driver older than this build needs,
/// no device, no code for its architecture.
std::string why_unavailable(int index = 0);

struct DeviceInfo {
  std::string name;
  std::string uuid;          // in hexadecimal digits: the same device has the same in every process
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  size_t memory = 0;            // bytes
  size_t shared_per_block = 0;  // bytes of dynamic shared memory that a block may ask for
};
int device_count();
void use_device(int index);
DeviceInfo device_info(int index);
/// As 12080 for 12.8; 0 if there is no driver.
int driver_version();
int runtime_version();
/// Architectures of the kernels in this build, as CMake names them ("90;100").
std::string built_architectures();

struct MemoryInfo {
  size_t free = 0;
  size_t total = 0;
};
MemoryInfo memory_info();
/// Null if there is not that much left.
void* allocate(size_t bytes);
/// The device must be done with it. As destroy() below, never throws.
void release(void* data) noexcept;
/// Page-locked memory of the host, which copies can read while the host goes on. Not while a stream
/// is captured: that would spoil the capture.
void* allocate_host(size_t bytes);
void release_host(void* data) noexcept;
/// True if every fresh block is to be filled with NaNs and watched for overruns.
bool checks_memory();

// destroy() is for destructors: null is nothing to destroy, and what the device cannot do any more
// it has said at the call that failed first.
Stream create_stream();
void destroy(Stream stream) noexcept;
/// Waits for all work of the stream; errors of kernels arrive here.
void synchronize(Stream stream);
enum class Copy { to_device, to_host, on_device };
/// Ordered after what the stream was given before; returns at once if the host side is page-locked.
void copy(void* to, const void* from, size_t bytes, Copy kind, Stream stream);
void fill_bytes(void* to, int byte, size_t bytes, Stream stream);

Event create_event();
void destroy(Event event) noexcept;
void record(Event event, Stream stream);
/// record() for streams that are not captured, also where this one is: then each launch of the
/// graph records it anew, and who waits after the launch waits for this place in it.
void record_for_others(Event event, Stream stream);
void wait(Stream stream, Event event);
void synchronize(Event event);
/// Whether the device has come past it; also if it was never recorded.
bool done(Event event);

/// What the host does while it waits for a device whose work may wait for other ranks.
class Patience {
 public:
  virtual ~Patience() = default;
  /// Called again and again while the work is not done; may throw, which ends the wait.
  virtual void turn() = 0;
  /// The work is done.
  virtual void over() = 0;
};
/// From now on every synchronize() asks and never blocks. Null: it waits as the runtime does.
void set_patience(Patience* patience);

/// Between begin and end, what the stream is given is kept and not run.
void begin_capture(Stream stream);
Graph end_capture(Stream stream);
/// Ends a capture that failed half way, if there is one, and forgets what it kept.
void abandon_capture(Stream stream) noexcept;
void launch(Graph graph, Stream stream);
void destroy(Graph graph) noexcept;

/// Named ranges in NVIDIA's profilers.
void push_range(const char* name);
void pop_range() noexcept;
/// One, as long as it lives.
class Range {
 public:
  explicit Range(const char* name) { push_range(name); }
  ~Range() { pop_range(); }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
};

/// c [m, n] = op(a) op(b) (+ bias [n]) , row-major, f32 accumulation.
struct Gemm {
  int64_t m = 0, n = 0, k = 0;
  const void* a = nullptr;  // [m, k], or [k, m] if transposed
  const void* b = nullptr;  // [k, n], or [n, k] if transposed
  void* c = nullptr;
  bool a_transposed = false, b_transposed = false;
  DType in = DType::f32, out = DType::f32;  // f32 or bf16; bf16 in may give f32 out
  const void* bias = nullptr;               // of the type of c, or null
  int64_t batch = 1;                        // products side by side in memory
};
Blas create_blas();  // lives as long as the process
/// `workspace`: scratch on the device, used by one stream only.
void gemm(Blas blas, const Gemm& product, void* workspace, size_t workspace_bytes, Stream stream);

}  // namespace vicinity::cuda_api
