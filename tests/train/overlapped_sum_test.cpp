// Gradients that leave while backward goes on: the bits of those that leave after it.
#include "train/overlapped_sum.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <tuple>

#include "autograd/record.h"
#include "core/base/random.h"
#include "core/ops/elementwise.h"
#include "core/ops/grad_norm.h"
#include "tests/support/thread_ranks.h"
#include "train/exchange.h"

namespace vicinity {
namespace {

constexpr int64_t kPart = kSquaresChunk / 2 + 8;

// Parameters of which backward finishes the last ones first, but for one that is used at both ends,
// one by rows, and one that is not used.
class Network {
 public:
  Network() {
    for (Parameter& p : layers_) p = Parameter(Shape{kPart}, {});
    shared_ = Parameter(Shape{kPart}, {});
    rows_ = Parameter(Shape{2, kPart}, {});
    rows_.used_by_rows();
    unused_ = Parameter(Shape{7}, {});
    store_ = std::make_unique<ParameterStore>(
        [this](ParameterVisitor& v) {
          for (size_t i = 0; i < 16; ++i) v(str("layer", i), layers_[i]);
          v("rows", rows_);
          for (size_t i = 16; i < 20; ++i) v(str("layer", i), layers_[i]);
          v("shared", shared_);
          v("unused", unused_);
        },
        Storing{});
  }

  ParameterStore& store() { return *store_; }

  /// Each reader of a parameter adds noise of its own to that parameter's gradient. `held_back`:
  /// the last parameter is read first too, so that its gradient is whole at the very end.
  Variable forward(int64_t leaf, bool held_back) {
    store_->clear_grads();
    int64_t reader = 100 * leaf;
    Variable x(zeros({1}, DType::f32));
    if (held_back) x = read(shared_.master(), x, ++reader);
    for (size_t i = 0; i < 16; ++i) x = read(layers_[i].master(), x, ++reader);
    x = read(rows_.master_row(0), x, ++reader);
    for (size_t i = 16; i < 20; ++i) x = read(layers_[i].master(), x, ++reader);
    x = read(layers_[17].master(), x, ++reader);
    x = read(rows_.master_row(1), x, ++reader);
    return read(shared_.master(), x, 100 * leaf + 99);
  }

 private:
  static Variable read(const Variable& parameter, const Variable& x, int64_t reader) {
    return record(
        "read", x.value(), {parameter, x},
        [reader, shape = parameter.shape()](const Tensor& dy, const Needs& needs) -> Grads {
          Random random(5, Purpose::test, static_cast<uint64_t>(reader));
          Tensor noise = empty_or(needs.sink(0), shape, DType::f32, kCpu);
          for (int64_t i = 0; i < noise.size(); ++i)
            noise.data<float>()[i] =
                static_cast<float>(random.uniform(-1, 1) * std::exp2(static_cast<double>(i % 20)));
          return {noise, needs[1] ? dy : Tensor{}};
        });
  }

  std::vector<Parameter> layers_ = std::vector<Parameter>(20);
  Parameter shared_, rows_, unused_;
  std::unique_ptr<ParameterStore> store_;
};

void run_back(const Variable& y) { backward(y, full({1}, 1, DType::f32)); }

// The sum over all leaves in one process, as values.
std::vector<float> sum_of_one(size_t leaves) {
  Network network;
  GradientTree tree;
  return values_of<float>(tree.sum(leaves, [&](size_t i) {
    const auto leaf = static_cast<int64_t>(i);
    run_back(network.forward(leaf, leaf % 2 == 0));
    return network.store().grad();
  }));
}

// What ranks of `each` leaves get of a batch of `count`, put together.
std::vector<float> sum_of_ranks(int ranks, size_t each, size_t count) {
  Tensor whole;
  ThreadRanks(ranks).run([&](Communicator& comm) {
    Network network;
    ParameterStore& store = network.store();
    Exchange exchange(comm, store.value().size(),
                      {.micro_batch = 1, .leaves_per_rank = static_cast<int64_t>(each)});
    EXPECT_GE(exchange.layout().buckets(), ranks == 2 ? 6 : 3);
    const size_t first = static_cast<size_t>(comm.rank()) * each,
                 own = std::min(each, count - std::min(count, first));
    const auto images = static_cast<int64_t>(count);
    GradientTree tree;
    Tensor shard;
    for (int step = 0; step < 2; ++step) {  // memory of the step before is used again
      for (size_t i = 0; i + 1 < own; ++i) {
        const auto leaf = static_cast<int64_t>(first + i);
        run_back(network.forward(leaf, leaf % 2 == 0));
        tree.add(store.grad());
      }
      if (own == 0) {
        exchange.sum().begin({}, images);
        exchange.sum().whole_from(0);
        shard = exchange.sum().finish({}, images);
        continue;
      }
      const auto leaf = static_cast<int64_t>(first + own - 1);
      const Variable y = network.forward(leaf, leaf % 2 == 0);
      OverlappedSum sum(store, tree, exchange.sum(), images);
      run_back(y);
      shard = exchange.sum().finish(sum.finish(), images);
    }
    if (comm.rank() == 0) whole = empty({store.value().size()}, DType::f32);
    comm.barrier();
    exchange.put(shard, whole);
    comm.barrier();
  });
  return values_of<float>(whole);
}

TEST(OverlappedSum, HasTheBitsOfOneProcess) {
  for (const auto& [ranks, each, count] : std::vector<std::tuple<int, size_t, size_t>>{
           {2, 1, 2}, {2, 2, 4}, {2, 4, 8}, {2, 4, 7}, {2, 4, 3}, {4, 1, 4}, {4, 2, 5}}) {
    EXPECT_EQ(sum_of_ranks(ranks, each, count), sum_of_one(count))
        << ranks << " ranks of " << each << " leaves, " << count << " in the batch";
  }
}

// A rank on its own, to which all that it sends arrives at once.
class Alone : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void begin_all_to_all(const char* send, const Blocks& to, char* receive,
                        const Blocks& from) override {
    offsets.push_back(to[0].offset / sizeof(float));
    std::memcpy(receive + from[0].offset, send + to[0].offset, to[0].bytes);
  }
  int running() override { return 0; }
  void wait_for_running(int) override {}
  void all_gather(char*, const Blocks&) override {}
  void broadcast(char*, size_t, int) override {}
  void barrier() override {}
  void finish() override {}
  void abort(const std::string&) noexcept override {}
  void doing(const char*, int64_t) override {}
  void waiting(const char*) override {}
  void set_timeout(double) override {}

  std::vector<size_t> offsets;  // of what it has sent, in elements
};

TEST(OverlappedSum, BucketsLeaveInOrderWhileBackwardGoesOn) {
  Network network;
  Alone comm;
  Exchange exchange(comm, network.store().value().size(), {});
  const auto buckets = static_cast<size_t>(exchange.layout().buckets());
  EXPECT_GE(buckets, 5u);
  GradientTree tree;
  for (const bool held_back : {false, true}) {
    comm.offsets.clear();
    const Variable y = network.forward(0, held_back);
    OverlappedSum sum(network.store(), tree, exchange.sum(), 1);
    run_back(y);
    // Two are in flight at a time, so after the last op alone only some would have left.
    if (held_back) {
      EXPECT_LE(comm.offsets.size(), 4u);
    } else {
      EXPECT_EQ(comm.offsets.size(), buckets);
    }
    exchange.sum().finish(sum.finish(), 1);
    ASSERT_EQ(comm.offsets.size(), buckets);
    for (size_t i = 0; i < buckets; ++i)
      EXPECT_EQ(comm.offsets[i],
                (buckets - 1 - i) * static_cast<size_t>(exchange.layout().bucket_size()));
  }
}

}  // namespace
}  // namespace vicinity
