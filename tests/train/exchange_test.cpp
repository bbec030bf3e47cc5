// The exchange between ranks: shards summed in the order of one machine, updates that agree with
// it, numbers in order, and which numbers of leaves ranks can share.
#include "train/exchange.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/random.h"
#include "core/ops/elementwise.h"
#include "core/ops/grad_norm.h"
#include "tests/support/thread_ranks.h"
#include "train/evaluate.h"
#include "train/gradient_tree.h"

namespace vicinity {
namespace {

// Some buckets, shards of unequal size.
constexpr int64_t kSize = 9 * kSquaresChunk + 4096 + 16;

Tensor leaf(int64_t index) {
  Random random(5, Purpose::test, static_cast<uint64_t>(index));
  Tensor x = empty({kSize}, DType::f32);
  for (int64_t i = 0; i < kSize; ++i)
    x.data<float>()[i] = static_cast<float>(random.normal() * std::pow(10, random.uniform(-4, 4)));
  return x;
}

const std::vector<Tensor>& leaves() {
  static const std::vector<Tensor> all = [] {
    std::vector<Tensor> made;
    for (int64_t i = 0; i < 12; ++i) made.push_back(leaf(i));
    return made;
  }();
  return all;
}

Tensor sum_of(size_t begin, size_t end) {
  GradientTree tree;
  Tensor sum = empty({kSize}, DType::f32);
  copy_(sum, tree.sum(end - begin, [&](size_t i) { return leaves()[begin + i]; }));
  return sum;
}

// Ranks of `each` leaves sum the first `count` leaves; what each gets, put together.
std::vector<float> sum_on_ranks(int ranks, size_t each, size_t count) {
  Tensor whole = empty({kSize}, DType::f32);
  std::vector<Tensor> own(static_cast<size_t>(ranks));
  for (size_t r = 0; r < own.size(); ++r) {
    const size_t begin = r * each, end = std::min(count, begin + each);
    if (begin < end) own[r] = sum_of(begin, end);
  }
  ThreadRanks(ranks).run([&](Communicator& comm) {
    Exchange exchange(comm, kSize,
                      {.micro_batch = 2, .leaves_per_rank = static_cast<int64_t>(each)});
    const Tensor& mine = own[static_cast<size_t>(comm.rank())];
    const auto images = static_cast<int64_t>(2 * count - 1);
    RankSum& sum = exchange.sum();
    sum.begin(mine, images);
    sum.whole_from(0);
    exchange.put(sum.finish(mine, images), whole);
    comm.barrier();
  });
  return values_of<float>(whole);
}

TEST(Exchange, SumsInTheOrderOfOneMachine) {
  for (const auto& [ranks, each] : std::vector<std::pair<int, size_t>>{
           {1, 4}, {2, 1}, {2, 2}, {2, 4}, {3, 1}, {3, 4}, {4, 2}, {5, 2}, {6, 2}}) {
    // Short batches too, which leave the last ranks nothing.
    for (size_t count = 1; count <= static_cast<size_t>(ranks) * each; ++count) {
      EXPECT_EQ(sum_on_ranks(ranks, each, count), values_of<float>(sum_of(0, count)))
          << ranks << " ranks of " << each << " leaves, " << count << " in the batch";
    }
  }
}

TEST(Exchange, NumbersComeInTheOrderOfImages) {
  const Tensor gradient = leaf(3);
  ThreadRanks(3).run([&](Communicator& comm) {
    Exchange exchange(comm, kSize, {.micro_batch = 2, .leaves_per_rank = 2});
    StepNumbers own{.correct = comm.rank() + 1, .signal = comm.rank() == 1 ? 15 : 0};
    for (int64_t i = 4 * comm.rank(); i < std::min<int64_t>(7, 4 * comm.rank() + 4); ++i)
      own.losses.push_back(static_cast<double>(i));
    const StepNumbers all = exchange.gather(own, 7);  // none for the last rank
    EXPECT_EQ(all.losses, (std::vector<double>{0, 1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(all.correct, 6);
    EXPECT_EQ(all.signal, 15);
    EXPECT_EQ(values_of<double>(exchange.sum_of_squares(exchange.own(gradient))),
              values_of<double>(sum_of_squares(gradient)));
  });
}

TEST(Exchange, ShardsTravelToRankZeroAndBack) {
  const Tensor flat = leaf(1);
  for (const int ranks : {2, 3, 7}) {
    ThreadRanks(ranks).run([&](Communicator& comm) {
      Exchange exchange(comm, kSize, {});
      const Tensor whole = exchange.collect(exchange.own(flat));
      EXPECT_EQ(whole.defined(), comm.rank() == 0);
      if (whole.defined()) {
        EXPECT_EQ(values_of<float>(whole), values_of<float>(flat));
      }
      Tensor shard = empty_like(exchange.own(flat));
      exchange.distribute(whole, shard);
      EXPECT_EQ(values_of<float>(shard), values_of<float>(exchange.own(flat)));
      Tensor gathered = zeros({kSize}, DType::f32);
      exchange.put(shard, gathered);
      exchange.gather(gathered);
      EXPECT_EQ(values_of<float>(gathered), values_of<float>(flat));
    });
  }
}

TEST(Exchange, RangesAreCutAtThePieces) {
  const int64_t half = 2 * kSquaresChunk;
  const std::vector<UpdateRange> all = {{0, 100, 0.5}, {half - 10, half + 20, 2, false}};
  const std::vector<UpdateRange> first = Exchange::within({.flat = 0, .size = half}, all),
                                 second = Exchange::within({half, 100, half}, all);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].end, 100);
  EXPECT_EQ(first[1].begin, half - 10);
  EXPECT_EQ(first[1].end, half);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].begin, 0);
  EXPECT_EQ(second[0].end, 20);
  EXPECT_EQ(second[0].lr_scale, 2);
  EXPECT_FALSE(second[0].decay);
}

TEST(Exchange, PiecesAreTheShard) {
  const Tensor flat = leaf(2);
  ThreadRanks(3).run([&](Communicator& comm) {
    const Exchange exchange(comm, kSize, {});
    const Tensor shard = exchange.own(flat);
    int64_t at = 0;
    for (const ShardPiece& piece : exchange.own_pieces()) {
      EXPECT_EQ(piece.shard, at);
      EXPECT_EQ(values_of<float>(shard.slice(at, at + piece.size)),
                values_of<float>(flat.slice(piece.flat, piece.flat + piece.size)));
      at += piece.size;
    }
    EXPECT_EQ(at, shard.size());
  });
}

// What becomes whole little by little, and not before, is sent; the rest is not a number.
TEST(Exchange, SendsWhatIsWholeAndNothingElse) {
  for (const int ranks : {2, 4}) {
    Tensor whole = empty({kSize}, DType::f32);
    ThreadRanks(ranks).run([&](Communicator& comm) {
      Exchange exchange(comm, kSize, {});
      EXPECT_GE(exchange.layout().buckets(), 3);
      const Tensor source = leaves()[static_cast<size_t>(comm.rank())];
      Tensor own = full({kSize}, NAN, DType::f32);
      exchange.sum().begin(own, ranks);
      const int64_t stretch = 7000 + 3000 * comm.rank();  // ranks are not alike
      for (int64_t end = kSize; end > 0; end -= std::min(end, stretch)) {
        const int64_t begin = std::max<int64_t>(0, end - stretch);
        Tensor part = own.slice(begin, end);
        copy_(part, source.slice(begin, end));
        exchange.sum().whole_from(begin);
        exchange.sum().progress();
      }
      exchange.put(exchange.sum().finish(own, ranks), whole);
      comm.barrier();
    });
    EXPECT_EQ(values_of<float>(whole), values_of<float>(sum_of(0, static_cast<size_t>(ranks))));
  }
}

TEST(Exchange, PredictionsComeInTheOrderOfTheSource) {
  ThreadRanks(2).run([](Communicator& comm) {
    EvalReport own(3);
    for (int64_t i = comm.rank(); i < 9; i += 2)
      own.add({.index = i, .label = 1, .guess = 1, .rank = i % 3, .loss = 0.1 * std::pow(3, i)});
    const EvalReport all = merge_reports(comm, own);
    ASSERT_EQ(all.count(), 9);
    EXPECT_EQ(all.top1(), 3);
    double loss = 0;
    for (int64_t i = 0; i < 9; ++i) {
      EXPECT_EQ(all.predictions()[static_cast<size_t>(i)].index, i);
      loss += 0.1 * std::pow(3, i);
    }
    EXPECT_EQ(all.mean_loss(), loss / 9);
  });
}

std::string refusal(int64_t batch, int64_t micro_batch, int ranks) {
  try {
    share_leaves(batch, micro_batch, ranks);
  } catch (const ConfigError& error) {
    return error.message();
  }
  return "";
}

TEST(Exchange, SharesOnlyPowersOfTwoOfLeaves) {
  EXPECT_EQ(share_leaves(64, 4, 4).leaves_per_rank, 4);
  EXPECT_EQ(share_leaves(24, 4, 3).leaves_per_rank, 2);
  EXPECT_EQ(share_leaves(23, 4, 3).images(), 8);  // the last leaf is a short one
  const std::string text = refusal(24, 4, 4);
  EXPECT_NE(text.find("is 6 leaves"), std::string::npos) << text;
  EXPECT_NE(text.find("train.batch=16 or train.batch=32"), std::string::npos) << text;
  EXPECT_NE(text.find("With this batch: 3 or 6 ranks"), std::string::npos) << text;
  EXPECT_NE(refusal(4, 4, 2).find("train.batch=8."), std::string::npos) << refusal(4, 4, 2);
}

}  // namespace
}  // namespace vicinity
