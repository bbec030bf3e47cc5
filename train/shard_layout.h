// Which rank owns which of the flat parameters.
//
// The flat tensors are cut into buckets, and each bucket into a slice for each rank; a rank's shard
// is its slices one behind the other. So every bucket is work for all ranks alike: gradients can be
// sent bucket by bucket, as backward makes them, without all of them going to one rank. Slices of
// ranks that have the same place on different machines are neighbours, a column, so that a machine
// can sum what goes to them first (rank_sum.h).
#pragma once

#include "core/comm/communicator.h"

namespace vicinity {

/// A run of the flat tensors that lies in one rank's shard.
struct ShardPiece {
  int64_t flat = 0;   // its begin there
  int64_t shard = 0;  // its begin in the shard
  int64_t size = 0;
};

/// Buckets are of equal size, the last one less. Slices are whole chunks of squares
/// (core/ops/grad_norm.h), but for the end of the tensors. What a shard holds is a function of the
/// number of parameters and of ranks; no sum depends on it.
class ShardLayout {
 public:
  /// `inside`: ranks of each machine, in a row; all of them where machines make no difference.
  ShardLayout(int64_t parameters, int ranks, int inside);

  int64_t parameters() const { return parameters_; }
  int ranks_inside() const { return inside_; }
  int64_t bucket_size() const { return bucket_; }
  int64_t buckets() const { return (parameters_ + bucket_ - 1) / bucket_; }
  int64_t shard_size(int rank) const;
  /// A rank's slice of a bucket; may be empty.
  ShardPiece piece(int64_t bucket, int rank) const;
  /// The slices of all ranks that have this place on their machine, in the order of machines; its
  /// place in a shard is 0.
  ShardPiece column(int64_t bucket, int place) const;
  /// All slices of a bucket, in bytes of flat tensors with such elements.
  Blocks slices(int64_t bucket, size_t element) const;

 private:
  ShardPiece run(int64_t bucket, int64_t first, int64_t count) const;

  int64_t parameters_;
  int ranks_, inside_;
  int64_t bucket_;
};

}  // namespace vicinity
