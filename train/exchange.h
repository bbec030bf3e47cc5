// What ranks do together in a step, so that N of them have the bits of one.
//
// A rank owns a run of 2^k leaves of each batch and sums their gradients in its own subtree
// (gradient_tree.h). The flat parameters are cut into a shard for each rank. Every rank sends each
// shard of its sum to that shard's owner, who adds what came in the order of the upper tree,
// updates its shard with the part of the optimiser's state that belongs to it, and sends the new
// parameters to all: per step and rank 2 (N - 1) / N times the parameters in each direction, as a
// ring's, and an N-th of the optimiser's state in memory (Rajbhandari et al. 2020, "ZeRO",
// arXiv:1910.02054, sec. 5.1).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/comm/communicator.h"
#include "core/ops/update_ranges.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// A batch in leaves, and how many of them are one rank's.
struct LeafShare {
  int64_t micro_batch = 1;
  int64_t leaves_per_rank = 1;

  int64_t images() const { return micro_batch * leaves_per_rank; }
};

/// ConfigError, with the nearest numbers that are possible, unless each of `ranks` ranks gets the
/// same power of two of leaves: only then is what a rank sums a subtree of the tree over all
/// leaves.
LeafShare share_leaves(int64_t batch, int64_t micro_batch, int ranks);

/// Of one rank in a step: what is summed on every rank over the same numbers in the same order.
struct StepNumbers {
  std::vector<double> losses;  // of the images
  int64_t correct = 0;
  int signal = 0;  // that the process received, or 0: all ranks learn of it in the same step
};

class Exchange {
 public:
  /// `parameters`: elements of the flat tensors, a multiple of 16. `gpus`: what carries them where
  /// they lie on GPUs (core/comm/nccl.h); absent: they are the host's. Both must outlive it.
  Exchange(Communicator& comm, int64_t parameters, const LeafShare& share,
           Collectives* gpus = nullptr);

  Communicator& comm() const { return comm_; }
  bool is_first() const { return comm_.rank() == 0; }
  const LeafShare& share() const { return share_; }
  /// Place in the whole batch of this rank's first image.
  int64_t first_image() const { return comm_.rank() * share_.images(); }

  /// This rank's shard of a flat tensor, sharing its storage; may be empty.
  Tensor own(const Tensor& flat) const;
  /// The parts of ranges that lie in this rank's shard, counted from its begin.
  std::vector<UpdateRange> own(const std::vector<UpdateRange>& ranges) const;

  /// This rank's shard of the gradient of a whole batch of `images`. own_sum: flat f32 sum over
  /// this rank's leaves, absent where a short batch leaves it none. Good until the next call.
  Tensor sum_gradients(const Tensor& own_sum, int64_t images);
  /// The sum of squares of the whole gradient, f64 [1], from this rank's shard of it: added in the
  /// order of one machine (core/ops/grad_norm.h).
  Tensor sum_of_squares(const Tensor& shard);
  /// Every rank's shard of `flat` to all.
  void gather(Tensor& flat);
  /// Rank 0's `flat` to all.
  void broadcast(Tensor& flat);
  /// The numbers of all ranks, in the order of ranks; `correct` added, the largest signal.
  StepNumbers gather(const StepNumbers& own, int64_t images);

  /// A flat tensor on rank 0 of what each rank holds a shard of; absent elsewhere.
  Tensor collect(const Tensor& shard);
  /// The reverse.
  void distribute(const Tensor& flat, Tensor& shard);

 private:
  int64_t begin(int rank) const;
  int64_t end(int rank) const { return begin(rank + 1); }
  int ranks_with(int64_t images) const;
  Blocks shards(size_t element) const;

  Communicator& comm_;
  Collectives& tensors_;  // carries them
  Device device_;         // where they lie
  int64_t parameters_;
  LeafShare share_;
  int64_t shard_;    // elements, the last ones less
  Tensor sum_;       // of the own shard
  Tensor received_;  // a piece of it from each rank
};

}  // namespace vicinity
