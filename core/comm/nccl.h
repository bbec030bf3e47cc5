// Collectives between GPUs, one of each rank, by NCCL. Built with CUDA or its emulation only
// (kCudaBuilt).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/comm/communicator.h"

namespace vicinity {

/// Memory is the device's: a collective is enqueued, ordered with what cuda().stream() is given
/// before and after it, and returns at once. Nothing is added, so results have the bits of the
/// ranks' own. Not while a graph is recorded, but for mark().
class DeviceCollectives : public Collectives {
 public:
  /// How many ranks, in a row, share each machine, where that is a power of two, more than one and
  /// fewer than all; else all of them.
  virtual int ranks_inside() const = 0;
  /// Mark n is here in what cuda().stream() is given, and in every launch of a graph that is
  /// recorded now.
  virtual void mark(size_t n) = 0;
  /// work(), which makes no tensors: its collectives and kernels come after what lies before mark n
  /// and after the work() before, and run beside what comes after the mark.
  virtual void beside(size_t n, const std::function<void()>& work) = 0;
  /// What cuda().stream() is given from now on comes after all such work.
  virtual void join() = 0;
};

/// Of the GPUs that cuda() is on each of `ranks`, which must outlive it and carry what the host
/// has. All ranks call it. What waits for the device later never blocks while a rank may be lost
/// (cuda_api::Patience), and throws CommError then. DeviceError says why NCCL cannot be used, or
/// that two ranks have the same GPU.
std::unique_ptr<DeviceCollectives> make_nccl(Communicator& ranks);

}  // namespace vicinity
