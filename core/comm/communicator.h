// What ranks, the processes of one run, tell each other. One interface; behind it a single process
// (single.cpp), MPI (mpi.cpp) or TCP (tcp.cpp), and for what lies on GPUs NCCL beside them
// (nccl.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/comm/launch.h"

namespace vicinity {

/// A run of bytes within a buffer.
struct Block {
  size_t offset = 0;
  size_t bytes = 0;
};
/// One block for each rank, in the order of ranks; a block may be empty.
using Blocks = std::vector<Block>;

/// Blocks of these sizes, one behind the other.
Blocks consecutive(const std::vector<size_t>& bytes);

/// Collectives over all ranks: each is called by every rank, in the same order, from one thread,
/// and returns when the buffers may be used again. CommError, which names the rank and what it did,
/// once a rank is lost; nothing is sent after that. Memory is the host's, but for NCCL's.
class Collectives {
 public:
  Collectives() = default;
  virtual ~Collectives() = default;
  Collectives(const Collectives&) = delete;
  Collectives& operator=(const Collectives&) = delete;

  /// Begins an all_to_all and returns at once. Both buffers are the communicator's until it is
  /// done. Several may run at a time; they are done in the order in which they were begun. No other
  /// collective is called meanwhile.
  virtual void begin_all_to_all(const char* send, const Blocks& to, char* receive,
                                const Blocks& from) = 0;
  /// Drives what was begun without waiting: how many are not done yet. Called between ops, it costs
  /// some microseconds.
  virtual int running() = 0;
  /// Waits until at most `most` are not done.
  virtual void wait_for_running(int most) = 0;
  /// Block to[r] of `send` goes to rank r; what rank r sent here is written to block from[r] of
  /// `receive`. Traffic of a rank: what it sends, and as much as it receives.
  void all_to_all(const char* send, const Blocks& to, char* receive, const Blocks& from) {
    begin_all_to_all(send, to, receive, from);
    wait_for_running(0);
  }
  /// Each rank holds its own block of `data`; afterwards every rank holds all of them.
  virtual void all_gather(char* data, const Blocks& blocks) = 0;
  /// The same for each of several parts of `data`, at once where that is cheaper.
  virtual void all_gather_parts(char* data, const std::vector<Blocks>& parts) {
    for (const Blocks& blocks : parts) all_gather(data, blocks);
  }
  /// `data` of rank `root` to all.
  virtual void broadcast(char* data, size_t bytes, int root) = 0;
};

/// The ranks of a run: collectives in memory of the host, and who is there.
class Communicator : public Collectives {
 public:
  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// Returns when every rank has come here.
  virtual void barrier() = 0;
  /// The last call of a rank whose work is done: returns when every rank has come here.
  virtual void finish() = 0;
  /// The last call of a rank that cannot go on: the others end with code 6 and say why.
  virtual void abort(const std::string& why) noexcept = 0;

  /// Tells, to those who wait for this rank, what it is at: "backward", of step `step`. Costs some
  /// nanoseconds. `what`: a literal. CommError where a rank was lost meanwhile.
  virtual void doing(const char* what, int64_t step) = 0;
  /// For a wait that these calls do not see: that this rank waits for the others, and in which
  /// collective (a literal), or null that it does not. CommError where a rank was lost meanwhile.
  virtual void waiting(const char* what) = 0;
  /// Seconds without a sign of life after which a rank is lost and the others have ended.
  virtual void set_timeout(double seconds) = 0;

  /// A text of each rank, in the order of ranks.
  std::vector<std::string> all_gather_texts(const std::string& own);
  /// The same on rank 0 alone, nothing elsewhere: no other rank needs memory for all.
  std::vector<std::string> gather_texts(const std::string& own);
  /// The text of rank `root`.
  std::string broadcast_text(const std::string& text, int root = 0);
  /// The number of rank 0.
  int64_t broadcast_number(int64_t value);
};

/// Whether this process speaks and writes files: it is rank 0, or has no others.
inline bool is_first(const Communicator* comm) { return comm == nullptr || comm->rank() == 0; }

/// A process on its own.
std::unique_ptr<Communicator> make_single();

/// Of the launcher that started this process (launch.h), where it started more than one: MPI, and
/// takes part in MPI_Init; or, under torchrun, TCP (tcp.cpp), where ranks wait `patience` seconds
/// for each other. DeviceError where the program was built without MPI, or with another than the
/// launcher's.
std::unique_ptr<Communicator> make_communicator(const Launch& launch, double patience = 60);

/// How many compute threads are this rank's share: each core it may use, divided by the ranks on
/// this machine that may use it too, together at most the container's quota; at least 1.
int cores_of_rank(Communicator& comm);

}  // namespace vicinity
