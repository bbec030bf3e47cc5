// The NVIDIA GPU as a compute device: one stream, one arena, one workspace. Built with CUDA or with
// its emulation only (kCudaBuilt).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/runtime/cuda_allocator.h"
#include "core/runtime/cuda_api.h"
#include "core/tensor/tensor.h"

namespace vicinity {

#if defined(VICINITY_CUDA)
inline constexpr bool kCudaBuilt = true;
#else
inline constexpr bool kCudaBuilt = false;
#endif

/// How a kernel is spread: blocks of threads, and dynamic shared memory of each block in bytes.
struct LaunchShape {
  int64_t blocks = 1;
  int threads = 256;
  size_t shared = 0;
};

class Cuda {
 public:
  /// Opens the chosen device, of those that CUDA_VISIBLE_DEVICES shows. DeviceError says why there
  /// is none.
  Cuda();

  const cuda_api::DeviceInfo& info() const { return info_; }
  cuda_api::Stream stream() const { return stream_; }
  /// For copies beside what stream() computes; the two wait for each other by events only.
  cuda_api::Stream copy_stream();
  CudaAllocator& allocator() { return allocator_; }

  /// work(), of which what is enqueued goes to another stream. It makes no tensors: whose memory is
  /// free again is known in the order of stream() alone.
  template <class Work>
  void on_stream(cuda_api::Stream stream, Work&& work) {
    struct Other {
      Other(Cuda& c, cuda_api::Stream s) : cuda(c), before(std::exchange(c.stream_, s)) {}
      ~Other() { cuda.stream_ = before; }
      Cuda& cuda;
      cuda_api::Stream before;
    };
    const Other other(*this, stream);
    work();
  }

  /// make(), whose tensors live as long as they like, also where the memory of a recorded step is
  /// in use (core/runtime/cuda_graph.h).
  template <class Make>
  auto in_common_memory(Make&& make) {
    struct Common {
      explicit Common(CudaAllocator& a) : allocator(a), before(a.switch_owner(0)) {}
      ~Common() { allocator.switch_owner(before); }
      CudaAllocator& allocator;
      int before;
    };
    const Common common(allocator_);
    return make();
  }

  void gemm(const cuda_api::Gemm& product);
  /// Waits until all that was enqueued is done.
  void synchronize() { cuda_api::synchronize(stream_); }

  /// A table that never changes, made once by `make` on the host and kept on the device under its
  /// name. Must be met once before it is used while capturing.
  const Tensor& constant(const std::string& name, const std::function<Tensor()>& make);

 private:
  cuda_api::Stream stream_, copy_stream_ = nullptr;
  CudaAllocator allocator_;
  cuda_api::DeviceInfo info_;
  cuda_api::Blas blas_;
  Tensor workspace_;
  std::map<std::string, Tensor> constants_;
};

/// The device of this process, opened at the first call. DeviceError says why there is none.
Cuda& cuda();
/// Which one cuda() will open; before its first call. Without it the first, 0.
void choose_cuda_device(int index);

}  // namespace vicinity
