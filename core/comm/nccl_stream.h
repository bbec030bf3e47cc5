// One stream of the device, on which NCCL works: what is put on it, and how its end is waited for
// while a rank may be lost. Built with CUDA or its emulation only (kCudaBuilt).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/comm/communicator.h"
#include "core/runtime/cuda_api.h"

namespace vicinity {

/// All ranks make it, and give it the same groups in the same order. CommError once one is lost.
class NcclStream : private cuda_api::Patience {
 public:
  explicit NcclStream(Communicator& ranks);
  ~NcclStream() override;
  NcclStream(const NcclStream&) = delete;
  NcclStream& operator=(const NcclStream&) = delete;

  /// A group: what is told between these two goes on side by side, after the work that
  /// cuda().stream() had at the begin. What that gets after the end comes after the group. `what`:
  /// a literal, for those who wait for this rank.
  void begin(const char* what);
  void end();
  /// Empty blocks are nothing to do.
  void send(const char* data, const Block& block, int to);
  void receive(char* data, const Block& block, int from);
  void broadcast(char* data, const Block& block, int root);
  /// Of blocks of equal size, one behind the other.
  void all_gather(char* data, const Blocks& blocks);

  /// As DeviceCollectives has them (nccl.h).
  void mark(size_t n);
  void beside(size_t n, const std::function<void()>& work);
  void join();

 private:
  void check_code(int code, const char* call);
  void name_the_lost();
  void complete(int code, const char* call);
  void look(const char* waiting_for);
  void abort() noexcept;
  void turn() override;
  void over() override;

  Communicator& ranks_;
  int errors_;  // on their way when this began
  void* comm_ = nullptr;
  cuda_api::Stream stream_ = nullptr;
  cuda_api::Event ready_ = nullptr, done_ = nullptr;
  std::vector<cuda_api::Event> marks_;
  cuda_api::Event before_ = nullptr;  // ready_ or a mark: what the last collective waits for
  const char* what_ = "";
  int64_t turns_ = 0;
};

/// As "2.28.9". DeviceError says why there is none.
std::string nccl_version();

}  // namespace vicinity
