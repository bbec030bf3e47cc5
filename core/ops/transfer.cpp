#include "core/ops/transfer.h"

#include <array>
#include <cstring>

#include "core/runtime/cuda_graph.h"
#include "core/runtime/on_device.h"

namespace vicinity {

Tensor to_device(const Tensor& x, Device device) {
  if (!x.defined() || x.device() == device) return x;
  Tensor y(x.shape(), x.dtype(), device);
  if (device == kPlan || x.device() == kPlan || x.bytes() == 0) return y;
  if constexpr (kCudaBuilt) {
    const bool down = device == kCpu;
    cuda_api::copy(y.raw(), x.raw(), x.bytes(),
                   down ? cuda_api::Copy::to_host : cuda_api::Copy::to_device, cuda().stream());
    cuda().synchronize();  // both ways: pageable memory of the host may go when this returns
  }
  return y;
}

Tensor step_values(const Shape& shape, DType dtype, Device device, int64_t step,
                   const std::function<void(Tensor& host, int64_t step)>& fill) {
  if (device == kPlan) return {shape, dtype, device};
  if constexpr (kCudaBuilt) {
    CudaGraph* graph = device == kCuda ? CudaGraph::recording() : nullptr;
    if (graph != nullptr) return graph->add_input(shape, dtype, fill);
  }
  Tensor host(shape, dtype, kCpu);
  fill(host, step);
  return to_device(host, device);
}

struct Upload::Buffers {
  struct Buffer {
    void* host = nullptr;  // page-locked
    cuda_api::Event sent = nullptr;
  };
  std::array<Buffer, 2> both;
  size_t next = 0;
  Tensor arriving;                    // on the device, written by the copy stream
  cuda_api::Event taken = nullptr;    // the compute stream has copied it on
  cuda_api::Event arrived = nullptr;  // of the last begin
};

Upload::Upload(Device device) : device_(device) {}

void Upload::begin(const Tensor& x) {
  begun_ = x;
  if (device_ == x.device()) return;
  if constexpr (kCudaBuilt) {
    if (buffers_ == nullptr) {
      value_ = Tensor(x.shape(), x.dtype(), device_);
      buffers_ = std::make_unique<Buffers>();
      buffers_->arriving = empty_like(value_);
      buffers_->taken = cuda_api::create_event();
      cuda_api::record(buffers_->taken, cuda().stream());  // may still use what was there before
      for (Buffers::Buffer& buffer : buffers_->both) {
        buffer.host = cuda_api::allocate_host(x.bytes());
        buffer.sent = cuda_api::create_event();
      }
    }
    VIC_ASSERT(value_.shape() == x.shape() && value_.dtype() == x.dtype());
    Buffers::Buffer& buffer = buffers_->both[buffers_->next];
    buffers_->next ^= 1;
    cuda_api::synchronize(buffer.sent);  // the copy before the last one
    std::memcpy(buffer.host, x.raw(), x.bytes());
    const cuda_api::Stream stream = cuda().copy_stream();
    cuda_api::wait(stream, buffers_->taken);
    cuda_api::copy(buffers_->arriving.raw(), buffer.host, x.bytes(), cuda_api::Copy::to_device,
                   stream);
    cuda_api::record(buffer.sent, stream);
    buffers_->arrived = buffer.sent;
  }
}

const Tensor& Upload::operator()(const Tensor& x) {
  if (device_ == x.device()) return value_ = x;
  if (!begun_.defined() || !begun_.begins_with(x)) begin(x);
  begun_ = Tensor{};
  if constexpr (kCudaBuilt) {
    const cuda_api::Stream stream = cuda().stream();
    cuda_api::wait(stream, buffers_->arrived);
    cuda_api::copy(value_.raw(), buffers_->arriving.raw(), value_.bytes(),
                   cuda_api::Copy::on_device, stream);
    cuda_api::record(buffers_->taken, stream);
  }
  return value_;
}

Upload::~Upload() {
  if constexpr (kCudaBuilt) {
    if (buffers_ == nullptr) return;
    for (const Buffers::Buffer& buffer : buffers_->both) {
      try {
        if (buffer.sent != nullptr) cuda_api::synchronize(buffer.sent);
      } catch (const Error&) {
        // The device failed, has said so where it was noticed, and copies no more.
      }
      cuda_api::destroy(buffer.sent);
      cuda_api::release_host(buffer.host);
    }
    cuda_api::destroy(buffers_->taken);
  }
}

std::string why_no_cuda() {
  if constexpr (kCudaBuilt) return cuda_api::why_unavailable();
  return "this program was built without CUDA (cmake -DVICINITY_CUDA=ON needs nvcc)";
}

bool cuda_is_a_gpu() {
  if constexpr (kCudaBuilt)
    return why_no_cuda().empty() && cuda_api::built_architectures() != "emulated";
  return false;
}

void synchronize(Device device) {
  if constexpr (kCudaBuilt) {
    if (device == kCuda) cuda().synchronize();
  }
}

}  // namespace vicinity
