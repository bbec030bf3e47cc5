// What ranks do together in a step, so that N of them have the bits of one.
//
// A rank owns a run of 2^k leaves of each batch. The flat parameters are cut into a shard for each
// rank (shard_layout.h), whose owner gets that shard of the sum of gradients (rank_sum.h), updates
// it with the part of the optimiser's state that belongs to it, and sends the new parameters to
// all: per step and rank 2 (N - 1) / N times the parameters in each direction, as a ring's, and an
// N-th of the optimiser's state in memory (Rajbhandari et al. 2020, "ZeRO", arXiv:1910.02054,
// sec. 5.1).
#pragma once

#include <string>
#include <vector>

#include "core/comm/communicator.h"
#include "core/comm/nccl.h"
#include "core/ops/update_ranges.h"
#include "core/tensor/tensor.h"
#include "train/leaf_share.h"
#include "train/rank_sum.h"
#include "train/shard_layout.h"

namespace vicinity {

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
           DeviceCollectives* gpus = nullptr);

  Communicator& comm() const { return comm_; }
  bool is_first() const { return comm_.rank() == 0; }
  const LeafShare& share() const { return share_; }
  /// Place in the whole batch of this rank's first image.
  int64_t first_image() const { return comm_.rank() * share_.images(); }

  const ShardLayout& layout() const { return layout_; }
  /// The slices of the flat tensors that are this rank's shard, in its order; none is empty.
  std::vector<ShardPiece> own_pieces() const;
  /// A copy of this rank's shard of a flat tensor.
  Tensor own(const Tensor& flat) const;
  /// The parts of ranges that lie in a piece, counted from its begin.
  static std::vector<UpdateRange> within(const ShardPiece& piece,
                                         const std::vector<UpdateRange>& ranges);

  /// Of gradients over all ranks.
  RankSum& sum() { return sum_; }
  /// The sum of squares of the whole gradient, f64 [1], from this rank's shard of it: added in the
  /// order of one machine (core/ops/grad_norm.h).
  Tensor sum_of_squares(const Tensor& shard);

  /// This rank's shard of `flat` becomes `shard`; the other shards stay.
  void put(const Tensor& shard, Tensor& flat) const;
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
  int64_t own_size() const { return layout_.shard_size(comm_.rank()); }
  Block in_shard(int64_t bucket, size_t element) const;

  Communicator& comm_;
  Collectives& tensors_;  // carries what lies on device_
  Device device_;
  LeafShare share_;
  ShardLayout layout_;
  RankSum sum_;
};

}  // namespace vicinity
