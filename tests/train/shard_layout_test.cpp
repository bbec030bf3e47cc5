// Shards: each parameter is one rank's, in chunks that sums of squares want, and every bucket is
// work for all.
#include "train/shard_layout.h"

#include <gtest/gtest.h>

#include "core/ops/grad_norm.h"

namespace vicinity {
namespace {

TEST(ShardLayout, EveryParameterIsOneRanks) {
  for (const int64_t parameters : {int64_t{16}, kSquaresChunk, 3 * kSquaresChunk + 4112,
                                   100 * kSquaresChunk + 16, int64_t{1} << 28}) {
    for (const auto& [ranks, inside] : std::vector<std::pair<int, int>>{
             {1, 1}, {2, 2}, {3, 3}, {7, 7}, {64, 64}, {4, 2}, {6, 2}, {64, 8}}) {
      const ShardLayout layout(parameters, ranks, inside);
      int64_t at = 0;
      std::vector<int64_t> sizes(static_cast<size_t>(ranks));
      for (int64_t bucket = 0; bucket < layout.buckets(); ++bucket) {
        EXPECT_EQ(at, bucket * layout.bucket_size());
        for (int slice = 0; slice < ranks; ++slice) {
          const int machines = ranks / inside, r = slice % machines * inside + slice / machines;
          const ShardPiece piece = layout.piece(bucket, r);
          int64_t& size = sizes[static_cast<size_t>(r)];
          EXPECT_EQ(piece.flat, at);
          if (slice % machines == 0) {
            EXPECT_EQ(layout.column(bucket, slice / machines).flat, at);
          }
          if (piece.size > 0) {
            EXPECT_EQ(piece.shard, size);
            EXPECT_EQ(piece.flat % kSquaresChunk, 0);
            EXPECT_EQ(piece.shard % kSquaresChunk, 0);
          }
          at += piece.size;
          size += piece.size;
          if (slice % machines == machines - 1) {
            const ShardPiece column = layout.column(bucket, slice / machines);
            EXPECT_EQ(column.flat + column.size, at);
          }
        }
      }
      EXPECT_EQ(at, parameters);
      for (int r = 0; r < ranks; ++r)
        EXPECT_EQ(layout.shard_size(r), sizes[static_cast<size_t>(r)]) << r << " of " << ranks;
    }
  }
}

TEST(ShardLayout, BucketsAreAnEighthOrThirtyTwoMegabytes) {
  EXPECT_EQ(ShardLayout(int64_t{1} << 28, 8, 8).bucket_size(), 1 << 23);
  EXPECT_EQ(ShardLayout(int64_t{1} << 24, 8, 8).bucket_size(), 1 << 21);
  EXPECT_EQ(ShardLayout(1000, 4, 4).bucket_size(), 4 * kSquaresChunk) << "a chunk for each rank";
  const ShardLayout layout(int64_t{1} << 24, 8, 8);
  for (int64_t bucket = 0; bucket < layout.buckets(); ++bucket)
    for (int r = 0; r < 8; ++r) EXPECT_EQ(layout.piece(bucket, r).size, 1 << 18);
}

}  // namespace
}  // namespace vicinity
