// The real side of core/runtime/cuda_api.h. Products are in core/runtime/cuda_gemm.cpp.
#include "core/runtime/cuda_api.h"

#include <cuda_runtime.h>
#include <nvtx3/nvToolsExt.h>

#include <iomanip>
#include <sstream>

#include "core/base/error.h"
#include "core/runtime/cuda_support.h"

namespace vicinity::cuda_api {
namespace {

void check(cudaError_t error, const char* call) {
  VIC_CHECK(DeviceError, error == cudaSuccess, call, ": ", cudaGetErrorName(error), ", ",
            cudaGetErrorString(error));
}
#define VIC_CUDA(call) check(call, #call)

cudaStream_t native(Stream stream) { return reinterpret_cast<cudaStream_t>(stream); }
cudaEvent_t native(Event event) { return reinterpret_cast<cudaEvent_t>(event); }
cudaGraphExec_t native(Graph graph) { return reinterpret_cast<cudaGraphExec_t>(graph); }

Patience* patience = nullptr;

// query() is cudaSuccess once the work is done.
template <class Query>
void wait_for(const char* call, Query&& query) {
  for (cudaError_t error = query(); error != cudaSuccess; error = query()) {
    if (error != cudaErrorNotReady) check(error, call);
    cudaGetLastError();  // forgets it: not ready is no error of the next launch
    patience->turn();
  }
  patience->over();
}

/// Memory may be asked for while a stream is captured too: the graph's own is taken then.
class Relaxed {
 public:
  Relaxed() { VIC_CUDA(cudaThreadExchangeStreamCaptureMode(&mode_)); }
  ~Relaxed() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  Relaxed(const Relaxed&) = delete;
  Relaxed& operator=(const Relaxed&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

}  // namespace

std::string why_unavailable(int index) {
  CudaSupport s;
  s.driver = driver_version();
  s.runtime = runtime_version();
  s.index = index;
  s.architectures = built_architectures();
  const cudaError_t error = cudaGetDeviceCount(&s.devices);
  s.driver_too_old = error == cudaErrorInsufficientDriver;
  if (error != cudaSuccess) {
    s.devices = 0;
    if (error != cudaErrorNoDevice) s.error = cudaGetErrorString(error);
  } else if (index < s.devices) {
    const DeviceInfo info = device_info(index);
    s.name = info.name;
    s.capability = 10 * info.major + info.minor;
  }
  return vicinity::why_unavailable(s);
}

int device_count() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}
void use_device(int index) { VIC_CUDA(cudaSetDevice(index)); }

DeviceInfo device_info(int index) {
  cudaDeviceProp p{};
  VIC_CUDA(cudaGetDeviceProperties(&p, index));
  std::ostringstream uuid;
  for (const char byte : p.uuid.bytes)
    uuid << std::hex << std::setw(2) << std::setfill('0')
         << static_cast<int>(static_cast<unsigned char>(byte));
  return {p.name,
          uuid.str(),
          p.major,
          p.minor,
          p.multiProcessorCount,
          p.totalGlobalMem,
          p.sharedMemPerBlockOptin};
}

int driver_version() {
  int version = 0;
  cudaDriverGetVersion(&version);
  return version;
}
int runtime_version() {
  int version = 0;
  cudaRuntimeGetVersion(&version);
  return version;
}
std::string built_architectures() { return VICINITY_CUDA_ARCHITECTURES; }

MemoryInfo memory_info() {
  const Relaxed relaxed;
  MemoryInfo info;
  VIC_CUDA(cudaMemGetInfo(&info.free, &info.total));
  return info;
}

void* allocate(size_t bytes) {
  void* data = nullptr;
  const Relaxed relaxed;
  const cudaError_t error = cudaMalloc(&data, bytes);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // forgets it: the next launch is not to blame
    return nullptr;
  }
  check(error, "cudaMalloc");
  return data;
}
void release(void* data) noexcept { cudaFree(data); }
void* allocate_host(size_t bytes) {
  void* data = nullptr;
  VIC_CUDA(cudaMallocHost(&data, bytes));
  return data;
}
void release_host(void* data) noexcept { cudaFreeHost(data); }
bool checks_memory() {
  static const bool asked = std::getenv("VICINITY_CHECK_MEMORY") != nullptr;
  return asked;
}

Stream create_stream() {
  cudaStream_t stream = nullptr;
  VIC_CUDA(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return reinterpret_cast<Stream>(stream);
}
void destroy(Stream stream) noexcept {
  if (stream != nullptr) cudaStreamDestroy(native(stream));
}
void synchronize(Stream stream) {
  if (patience == nullptr) {
    VIC_CUDA(cudaStreamSynchronize(native(stream)));
  } else {
    wait_for("cudaStreamQuery", [&] { return cudaStreamQuery(native(stream)); });
  }
}
void set_patience(Patience* other) { patience = other; }

void copy(void* to, const void* from, size_t bytes, Copy kind, Stream stream) {
  const cudaMemcpyKind direction = kind == Copy::to_device ? cudaMemcpyHostToDevice
                                   : kind == Copy::to_host ? cudaMemcpyDeviceToHost
                                                           : cudaMemcpyDeviceToDevice;
  VIC_CUDA(cudaMemcpyAsync(to, from, bytes, direction, native(stream)));
}
void fill_bytes(void* to, int byte, size_t bytes, Stream stream) {
  VIC_CUDA(cudaMemsetAsync(to, byte, bytes, native(stream)));
}

Event create_event() {
  cudaEvent_t event = nullptr;
  VIC_CUDA(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  return reinterpret_cast<Event>(event);
}
void destroy(Event event) noexcept {
  if (event != nullptr) cudaEventDestroy(native(event));
}
void record(Event event, Stream stream) {
  VIC_CUDA(cudaEventRecord(native(event), native(stream)));
}
void record_for_others(Event event, Stream stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  VIC_CUDA(cudaStreamIsCapturing(native(stream), &status));
  const unsigned flags =
      status == cudaStreamCaptureStatusNone ? cudaEventRecordDefault : cudaEventRecordExternal;
  VIC_CUDA(cudaEventRecordWithFlags(native(event), native(stream), flags));
}
void wait(Stream stream, Event event) {
  VIC_CUDA(cudaStreamWaitEvent(native(stream), native(event), 0));
}
void synchronize(Event event) {
  if (patience == nullptr) {
    VIC_CUDA(cudaEventSynchronize(native(event)));
  } else {
    wait_for("cudaEventQuery", [&] { return cudaEventQuery(native(event)); });
  }
}
bool done(Event event) {
  const cudaError_t error = cudaEventQuery(native(event));
  if (error != cudaErrorNotReady) check(error, "cudaEventQuery");
  if (error != cudaSuccess) cudaGetLastError();
  return error == cudaSuccess;
}

// Thread-local: loader threads may call CUDA meanwhile.
void begin_capture(Stream stream) {
  VIC_CUDA(cudaStreamBeginCapture(native(stream), cudaStreamCaptureModeThreadLocal));
}
Graph end_capture(Stream stream) {
  cudaGraph_t graph = nullptr;
  VIC_CUDA(cudaStreamEndCapture(native(stream), &graph));
  cudaGraphExec_t executable = nullptr;
  const cudaError_t error = cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  check(error, "cudaGraphInstantiate");
  return reinterpret_cast<Graph>(executable);
}
void abandon_capture(Stream stream) noexcept {
  cudaGraph_t graph = nullptr;
  cudaStreamEndCapture(native(stream), &graph);
  if (graph != nullptr) cudaGraphDestroy(graph);
  cudaGetLastError();  // that of the capture: its reason is thrown already
}
void launch(Graph graph, Stream stream) {
  VIC_CUDA(cudaGraphLaunch(native(graph), native(stream)));
}
void destroy(Graph graph) noexcept {
  if (graph != nullptr) cudaGraphExecDestroy(native(graph));
}

void push_range(const char* name) { nvtxRangePushA(name); }
void pop_range() noexcept { nvtxRangePop(); }

}  // namespace vicinity::cuda_api
