// The sum of gradients over ranks, bucket by bucket, while their backward goes on.
//
// A rank sums the gradients of its own leaves (gradient_tree.h), which are a subtree of the tree
// over all. It sends the owner of each shard (shard_layout.h) that part of its sum, and the owner
// adds what comes in the order of the upper tree. Where ranks have GPUs on several machines that is
// done on two levels: among the ranks of each machine, in a row and as many as a power of two and
// therefore a subtree too, and then between those of the same place on all machines, so that
// between machines 4 P (M - 1) / M bytes are sent for P parameters and M machines, and not from
// each rank to each.
#pragma once

#include "core/comm/communicator.h"
#include "core/comm/nccl.h"
#include "core/tensor/tensor.h"
#include "train/leaf_share.h"
#include "train/shard_layout.h"

namespace vicinity {

class RankSum {
 public:
  /// `gpus`: what carries the gradients where they lie on GPUs; absent: they are the host's, and
  /// `comm` does. Both must outlive it.
  RankSum(Communicator& comm, const ShardLayout& layout, const LeafShare& share,
          DeviceCollectives* gpus);

  const ShardLayout& layout() const { return layout_; }

  /// The sum for a batch of `images`, begun. own_sum: flat f32 sum over this rank's leaves, absent
  /// where a short batch leaves it none; its elements may come later. Buckets leave in order, from
  /// the last to the first, the same on every rank; kInFlight of them are on their way at a time.
  /// On GPUs this and whole_from() only mark places in the device's work, which may be recorded:
  /// each launch has them again.
  void begin(const Tensor& own_sum, int64_t images);
  /// The elements of the own sum from `first` on are there, and stay as they are until the end.
  void whole_from(int64_t first);
  /// Sends, receives and adds what can be, without waiting.
  void progress();
  /// This rank's shard of the sum that was begun so, good until the next one is; after
  /// whole_from(0). Waits for the other ranks; on GPUs the device does, and buckets are enqueued
  /// beside what comes after their marks.
  Tensor finish(const Tensor& own_sum, int64_t images);

 private:
  // Two: one travels while the owner adds the other.
  static constexpr int64_t kInFlight = 2;

  void enqueue();
  void begin_bucket(int64_t bucket);
  Tensor add_parts(int64_t bucket);
  Tensor add_machines(int64_t bucket, const Tensor& own);
  void keep(int64_t bucket, const Tensor& sum);
  Tensor place_of(int64_t bucket) const;

  DeviceCollectives* gpus_;
  Collectives& tensors_;  // carries them: gpus_ or the host's
  ShardLayout layout_;
  LeafShare share_;
  int rank_, ranks_, inside_;  // inside_: ranks of a machine, or all where there is one level
  Tensor sum_;                 // of the own shard
  Tensor received_;            // of each bucket in flight, the own slice from each rank
  // Of the sum that is going on. Buckets are counted down: those from begun_ on have left, those
  // from summed_ on are done.
  Tensor own_sum_;
  int senders_ = 0;  // ranks with images
  int64_t whole_ = 0, begun_ = 0, summed_ = 0;
};

}  // namespace vicinity
