#include "train/shard_layout.h"

#include <algorithm>

#include "core/ops/grad_norm.h"

namespace vicinity {
namespace {

// 32 MB of f32 gradients: long enough for the latency of the messages not to count on 8 ranks, and
// what is left to be sent after backward is one of them.
constexpr int64_t kMostElements = 1 << 23;
// Small models too have something to send before the end.
constexpr int64_t kLeastBuckets = 8;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

ShardLayout::ShardLayout(int64_t parameters, int ranks, int inside)
    : parameters_(parameters), ranks_(ranks), inside_(inside) {
  const int64_t wanted = std::min(kMostElements, divide_up(parameters, kLeastBuckets));
  const int64_t unit = ranks * kSquaresChunk;
  bucket_ = std::max<int64_t>(1, divide_up(wanted, unit)) * unit;
}

// Of so many slices of a bucket, in the order in which they lie.
ShardPiece ShardLayout::run(int64_t bucket, int64_t first, int64_t count) const {
  const int64_t begin = bucket * bucket_, end = std::min(parameters_, begin + bucket_);
  const int64_t slice = divide_up(end - begin, ranks_ * kSquaresChunk) * kSquaresChunk;
  const int64_t from = std::min(end, begin + first * slice);
  return {.flat = from, .size = std::min(end, from + count * slice) - from};
}

ShardPiece ShardLayout::piece(int64_t bucket, int rank) const {
  const int machines = ranks_ / inside_;
  ShardPiece piece = run(bucket, rank % inside_ * machines + rank / inside_, 1);
  piece.shard = bucket * (bucket_ / ranks_);
  return piece;
}

ShardPiece ShardLayout::column(int64_t bucket, int place) const {
  const int machines = ranks_ / inside_;
  return run(bucket, int64_t{place} * machines, machines);
}

int64_t ShardLayout::shard_size(int rank) const {
  if (buckets() == 0) return 0;
  const ShardPiece last = piece(buckets() - 1, rank);
  return last.shard + last.size;
}

Blocks ShardLayout::slices(int64_t bucket, size_t element) const {
  Blocks blocks;
  for (int r = 0; r < ranks_; ++r) {
    const ShardPiece p = piece(bucket, r);
    blocks.push_back(
        {static_cast<size_t>(p.flat) * element, static_cast<size_t>(p.size) * element});
  }
  return blocks;
}

}  // namespace vicinity
