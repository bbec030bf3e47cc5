// The emulated side of core/runtime/cuda_api.h: a device in the memory of this process. Streams are
// lazy: work is done when somebody waits for it, so that reading a result too early shows.
#include "core/runtime/cuda_api.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "tests/simt/device.h"
#include "tests/simt/emulator.h"

namespace vicinity {
namespace cuda_api {

using Work = std::function<bool()>;  // false: not yet, ask again

struct Capture {
  std::vector<Work> work;
  std::vector<Event> records;  // of each launch
  std::string spoilt;          // by what call that is not allowed meanwhile
};
struct StreamHandle {
  std::deque<Work> queue;
  std::unique_ptr<Capture> capture;  // work is kept here instead, while capturing
  bool draining = false;
};
struct EventHandle {
  StreamHandle* stream = nullptr;     // that it was recorded in last
  int64_t recorded = 0, reached = 0;  // how often
};
struct GraphHandle {
  std::vector<Work> work;
  std::vector<Event> records;
};
struct BlasHandle {};

}  // namespace cuda_api

namespace simt {
namespace {

int64_t operations = 0;
Device emulated;
std::set<cuda_api::Stream> streams;

void check_device() {
  VIC_CHECK(DeviceError, emulated.fault.empty(), "the device failed: ", emulated.fault);
}

// Calls that a real capture of this thread does not survive: they fail, and so does its end.
void check_capture(const char* call) {
  for (const cuda_api::Stream stream : streams) {
    if (stream->capture == nullptr) continue;
    stream->capture->spoilt = call;
    VIC_FAIL(DeviceError, call, " while a stream is captured");
  }
}

void keep(cuda_api::Stream stream, cuda_api::Work work) {
  check_device();
  if (stream->capture != nullptr) {
    stream->capture->work.push_back(std::move(work));
  } else {
    stream->queue.push_back(std::move(work));
  }
}

// Runs what the stream holds, up to and including a reached event. False: it has come to work that
// is not done yet.
bool drain(
    cuda_api::Stream stream, const std::function<bool()>& reached = [] { return false; }) {
  if (stream->draining) return reached();  // its work has come here: it goes on when that is done
  struct Draining {
    explicit Draining(cuda_api::Stream s) : stream(s) { stream->draining = true; }
    ~Draining() { stream->draining = false; }
    cuda_api::Stream stream;
  };
  const Draining draining(stream);
  bool all = true;
  while (all && !stream->queue.empty() && !reached()) {
    cuda_api::Work work = std::move(stream->queue.front());
    stream->queue.pop_front();
    all = work();
    if (!all) stream->queue.push_front(std::move(work));
  }
  return all;
}

// Streams that wait for this one run as early as they may, so that what they take too early shows.
void let_others_run() {
  for (const cuda_api::Stream stream : streams)
    if (stream->capture == nullptr) drain(stream);
}

cuda_api::Patience* patience = nullptr;

void drain_all(
    cuda_api::Stream stream, const std::function<bool()>& reached = [] { return false; }) {
  while (!drain(stream, reached)) {
    if (patience != nullptr) patience->turn();
  }
  if (patience != nullptr) patience->over();
}

}  // namespace

Device& device() { return emulated; }
void break_device(const std::string& fault) {
  emulated.fault = fault;
  for (const cuda_api::Stream stream : streams) stream->queue.clear();
}
int64_t operations_run() { return operations; }

void enqueue(cuda_api::Stream stream, std::function<void()> work) {
  keep(stream, [work = std::move(work)] {
    ++operations;
    work();
    return true;
  });
}

}  // namespace simt

// For libraries that bring work of their own (nccl_stand_in.cpp); it is asked until it is done.
extern "C" void vicinity_simt_enqueue(void* stream, bool (*work)(void*), void* data) {
  simt::keep(static_cast<cuda_api::Stream>(stream), [=] { return work(data); });
}
extern "C" int64_t vicinity_simt_operations() { return simt::operations_run(); }

namespace cuda_api {
namespace {

template <class T>
float load(const void* data, int64_t i) {
  return static_cast<float>(static_cast<const T*>(data)[i]);
}
float load(const void* data, int64_t i, DType dtype) {
  return dtype == DType::bf16 ? load<bf16>(data, i) : load<float>(data, i);
}
void store(void* data, int64_t i, DType dtype, float value) {
  if (dtype == DType::bf16) {
    static_cast<bf16*>(data)[i] = bf16(value);
  } else {
    static_cast<float*>(data)[i] = value;
  }
}

void multiply(const Gemm& p) {
  std::vector<float> row(static_cast<size_t>(p.n));
  for (int64_t batch = 0; batch < p.batch; ++batch) {
    const int64_t a0 = batch * p.m * p.k, b0 = batch * p.k * p.n, c0 = batch * p.m * p.n;
    for (int64_t i = 0; i < p.m; ++i) {
      std::fill(row.begin(), row.end(), 0.0f);
      for (int64_t l = 0; l < p.k; ++l) {
        const float a = load(p.a, a0 + (p.a_transposed ? l * p.m + i : i * p.k + l), p.in);
        for (int64_t j = 0; j < p.n; ++j) {
          row[static_cast<size_t>(j)] +=
              a * load(p.b, b0 + (p.b_transposed ? j * p.k + l : l * p.n + j), p.in);
        }
      }
      for (int64_t j = 0; j < p.n; ++j) {
        const float bias = p.bias != nullptr ? load(p.bias, j, p.out) : 0;
        store(p.c, c0 + i * p.n + j, p.out, row[static_cast<size_t>(j)] + bias);
      }
    }
  }
}

}  // namespace

std::string why_unavailable(int index) {
  CudaSupport support = simt::device().support;
  support.index = index;
  if (support.devices > 0) support.devices = device_count();
  return vicinity::why_unavailable(support);
}
int device_count() {
  const char* devices = std::getenv("VICINITY_EMULATED_DEVICES");
  return devices == nullptr ? 1 : std::atoi(devices);
}
void use_device(int index) { VIC_CHECK(DeviceError, index < device_count(), "no device ", index); }
DeviceInfo device_info(int index) {
  return {"emulated", str(index), 9, 0, 4, simt::device().memory, simt::device().shared_per_block};
}
int driver_version() { return 13000; }
int runtime_version() { return 13000; }
std::string built_architectures() { return "emulated"; }

MemoryInfo memory_info() {
  return {simt::device().memory - simt::device().used, simt::device().memory};
}

void* allocate(size_t bytes) {
  simt::check_device();
  simt::Device& device = simt::device();
  if (device.used + bytes > device.memory) return nullptr;
  void* data = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  device.blocks[data] = bytes;
  device.used += bytes;
  return data;
}
void release(void* data) noexcept {
  simt::Device& device = simt::device();
  device.used -= device.blocks.at(data);
  device.blocks.erase(data);
  std::free(data);
}
void* allocate_host(size_t bytes) {
  simt::check_device();
  simt::check_capture("memory of the host was asked for");
  return std::aligned_alloc(256, (bytes + 255) / 256 * 256);
}
void release_host(void* data) noexcept { std::free(data); }
bool checks_memory() { return true; }

Stream create_stream() { return *simt::streams.insert(new StreamHandle).first; }
void destroy(Stream stream) noexcept {
  simt::streams.erase(stream);
  delete stream;
}
void synchronize(Stream stream) {
  simt::check_device();
  simt::check_capture("a stream was waited for");
  simt::drain_all(stream);
}
void set_patience(Patience* patience) { simt::patience = patience; }
void copy(void* to, const void* from, size_t bytes, Copy, Stream stream) {
  simt::enqueue(stream, [=] { std::memcpy(to, from, bytes); });
}
void fill_bytes(void* to, int byte, size_t bytes, Stream stream) {
  simt::enqueue(stream, [=] { std::memset(to, byte, bytes); });
}

Event create_event() { return new EventHandle; }
void destroy(Event event) noexcept { delete event; }
void record(Event event, Stream stream) {
  event->stream = stream;
  const int64_t time = ++event->recorded;
  simt::keep(stream, [event, time] {
    event->reached = time;
    return true;
  });
}
void record_for_others(Event event, Stream stream) {
  event->stream = stream;
  if (stream->capture != nullptr) {
    stream->capture->records.push_back(event);
  } else {
    ++event->recorded;
  }
  simt::keep(stream, [event] {
    ++event->reached;
    simt::let_others_run();
    return true;
  });
}
void wait(Stream stream, Event event) {
  if (event->recorded == 0) return;
  simt::keep(stream, [event, from = event->stream, time = event->recorded] {
    return simt::drain(from, [=] { return event->reached >= time; });
  });
}
void synchronize(Event event) {
  simt::check_device();
  simt::check_capture("an event was waited for");
  if (event->recorded == 0) return;
  simt::drain_all(event->stream, [event] { return event->reached == event->recorded; });
}
bool done(Event event) {
  simt::check_device();
  simt::check_capture("an event was asked for");
  if (event->recorded == 0) return true;
  return simt::drain(event->stream, [event] { return event->reached == event->recorded; });
}

void begin_capture(Stream stream) {
  simt::check_capture("another capture was begun");
  stream->capture = std::make_unique<Capture>();
}
Graph end_capture(Stream stream) {
  VIC_CHECK(DeviceError, stream->capture != nullptr, "the stream is not captured");
  const std::unique_ptr<Capture> capture = std::move(stream->capture);
  VIC_CHECK(DeviceError, capture->spoilt.empty(), "the capture was spoilt: ", capture->spoilt);
  return new GraphHandle{std::move(capture->work), std::move(capture->records)};
}
void abandon_capture(Stream stream) noexcept { stream->capture.reset(); }
void launch(Graph graph, Stream stream) {
  simt::check_device();
  for (const Event event : graph->records) ++event->recorded;
  for (const Work& work : graph->work) stream->queue.push_back(work);
}
void destroy(Graph graph) noexcept { delete graph; }

void push_range(const char* name) { simt::device().ranges.emplace_back(name); }
void pop_range() noexcept { simt::device().ranges.pop_back(); }

Blas create_blas() { return new BlasHandle; }
void gemm(Blas, const Gemm& product, void* workspace, size_t workspace_bytes, Stream stream) {
  VIC_CHECK(DeviceError, workspace != nullptr && workspace_bytes > 0, "gemm without a workspace");
  simt::enqueue(stream, [product] { multiply(product); });
}

}  // namespace cuda_api
}  // namespace vicinity
