#include "core/runtime/cuda.h"

#include "core/runtime/cuda_allocator.h"

namespace vicinity {
namespace {

constexpr int64_t kWorkspaceBytes = 32 << 20;  // what cublasLt is advised to have on Hopper

int chosen = 0;

cuda_api::Stream open_stream() {
  const std::string why = cuda_api::why_unavailable(chosen);
  VIC_CHECK(DeviceError, why.empty(), "no CUDA device can be used: ", why);
  cuda_api::use_device(chosen);
  return cuda_api::create_stream();
}

[[maybe_unused]] const bool provided =
    (provide_allocator(kCuda, []() -> Allocator& { return cuda().allocator(); }), true);

}  // namespace

Cuda::Cuda()
    : stream_(open_stream()),
      allocator_(stream_),
      info_(cuda_api::device_info(chosen)),
      blas_(cuda_api::create_blas()) {}

cuda_api::Stream Cuda::copy_stream() {
  if (copy_stream_ == nullptr) copy_stream_ = cuda_api::create_stream();
  return copy_stream_;
}

void Cuda::gemm(const cuda_api::Gemm& product) {
  if (!workspace_.defined()) {
    workspace_ = in_common_memory([] { return Tensor({kWorkspaceBytes}, DType::u8, kCuda); });
  }
  cuda_api::gemm(blas_, product, workspace_.raw(), workspace_.bytes(), stream_);
}

const Tensor& Cuda::constant(const std::string& name, const std::function<Tensor()>& make) {
  const auto found = constants_.find(name);
  if (found != constants_.end()) return found->second;
  const Tensor host = make();
  Tensor device = in_common_memory([&] { return Tensor(host.shape(), host.dtype(), kCuda); });
  cuda_api::copy(device.raw(), host.raw(), host.bytes(), cuda_api::Copy::to_device, stream_);
  synchronize();  // the host's copy dies here
  return constants_.emplace(name, std::move(device)).first->second;
}

void choose_cuda_device(int index) { chosen = index; }

Cuda& cuda() {
  static Cuda& instance = *new Cuda;  // never destroyed: static tensors may outlive it
  return instance;
}

}  // namespace vicinity
