// kNN against a plain fp64 search and against PyTorch; ties, classes without votes, threads.
#include "train/probe/knn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/random.h"
#include "core/runtime/cpu.h"
#include "models/weights/safetensors.h"
#include "tests/support/feature_clouds.h"

namespace vicinity::testing {
namespace {

LabelledFeatures random_features(int64_t count, int64_t width, int classes, uint64_t seed) {
  return feature_clouds(count, width, classes, seed, 0.4);
}

double cosine(const LabelledFeatures& a, int64_t i, const LabelledFeatures& b, int64_t j) {
  const int64_t width = a.values.dim(1);
  const float *x = a.values.data<float>() + i * width, *y = b.values.data<float>() + j * width;
  double xy = 0, xx = 0, yy = 0;
  for (int64_t c = 0; c < width; ++c) {
    xy += static_cast<double>(x[c]) * y[c];
    xx += static_cast<double>(x[c]) * x[c];
    yy += static_cast<double>(y[c]) * y[c];
  }
  return xy / std::sqrt(xx) / std::sqrt(yy);
}

// Shares of the votes of the k nearest, one a class.
std::vector<double> plain_votes(const LabelledFeatures& bank, const LabelledFeatures& queries,
                                int64_t query, int64_t classes, int64_t k) {
  std::vector<double> near(static_cast<size_t>(bank.values.dim(0)));
  std::vector<size_t> order(near.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t j = 0; j < near.size(); ++j)
    near[j] = cosine(queries, query, bank, static_cast<int64_t>(j));
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return near[a] > near[b]; });
  std::vector<double> votes(static_cast<size_t>(classes), 0.0);
  double sum = 0;
  for (size_t i = 0; i < static_cast<size_t>(k); ++i) {
    const double weight = std::exp(near[order[i]] / 0.07);
    votes[static_cast<size_t>(bank.labels[order[i]])] += weight;
    sum += weight;
  }
  for (double& vote : votes) vote /= sum;
  return votes;
}

void expect_plain(const LabelledFeatures& bank, const LabelledFeatures& queries, int64_t classes,
                  const std::vector<int64_t>& counts) {
  const std::vector<EvalReport> reports = knn(bank, queries, classes, counts, kCpu);
  ASSERT_EQ(reports.size(), counts.size());
  for (size_t r = 0; r < counts.size(); ++r) {
    ASSERT_EQ(reports[r].count(), queries.values.dim(0));
    int64_t right = 0;
    for (const Prediction& p : reports[r].predictions()) {
      const std::vector<double> votes = plain_votes(bank, queries, p.index, classes, counts[r]);
      const auto most = std::max_element(votes.begin(), votes.end());
      const auto label = static_cast<size_t>(queries.labels[static_cast<size_t>(p.index)]);
      EXPECT_EQ(p.label, static_cast<int32_t>(label));
      EXPECT_EQ(p.guess, most - votes.begin()) << "query " << p.index << ", k " << counts[r];
      EXPECT_NEAR(p.confidence, *most, 1e-5);
      EXPECT_NEAR(p.true_probability, votes[label], 1e-5);
      right += p.guess == p.label;
    }
    EXPECT_EQ(reports[r].top1(), right);
  }
}

TEST(Knn, AgreesWithAPlainSearch) {
  // Class 6 and more occur in the bank only.
  expect_plain(random_features(317, 24, 9, 1), random_features(53, 24, 6, 2), 9,
               {10, 20, 100, 200});
}

TEST(Knn, AgreesAcrossBlocks) {
  // More queries than a block of 256, more of the bank than one of 4096.
  const LabelledFeatures bank = random_features(4500, 6, 5, 3),
                         queries = random_features(261, 6, 5, 4);
  expect_plain(bank, queries, 5, {1, 7, 50});
}

TEST(Knn, OfEquallyNearOnesTheEarlierCounts) {
  LabelledFeatures bank = random_features(5000, 3, 2, 5);
  // Three copies of one direction, of other lengths, with labels of their own.
  for (const auto& [row, label, length] : std::vector<std::tuple<int64_t, int32_t, float>>{
           {40, 1, 1.0F}, {17, 0, 4.0F}, {4400, 1, 2.0F}}) {
    bank.labels[static_cast<size_t>(row)] = label;
    const float direction[] = {0.0F, 3.0F * length, 4.0F * length};
    std::copy_n(direction, 3, bank.values.data<float>() + row * 3);
  }
  const LabelledFeatures query{tensor_of<float>({1, 3}, {0, 6, 8}), {0}};
  const std::vector<EvalReport> reports = knn(bank, query, 2, {1, 3}, kCpu);
  EXPECT_EQ(reports[0].predictions()[0].guess, 0);
  EXPECT_NEAR(reports[1].predictions()[0].true_probability, 1.0 / 3, 1e-6);
  EXPECT_EQ(reports[1].predictions()[0].guess, 1);
}

TEST(Knn, AClassWithoutVotesIsNotAmongTheFirstFive) {
  LabelledFeatures bank = random_features(30, 4, 3, 6);
  const LabelledFeatures query{random_features(8, 4, 1, 7).values, std::vector<int32_t>(8, 7)};
  const std::vector<EvalReport> reports = knn(bank, query, 8, {10}, kCpu);
  EXPECT_EQ(reports[0].top1(), 0);
  EXPECT_EQ(reports[0].top5(), 0);
  EXPECT_EQ(reports[0].predictions()[0].true_probability, 0);
}

TEST(Knn, SameBitsOnAnyThreads) {
  const LabelledFeatures bank = random_features(700, 40, 9, 8),
                         queries = random_features(300, 40, 9, 9);
  std::vector<std::vector<Prediction>> all;
  for (const int threads : {1, 2, 5}) {
    cpu().set_threads(threads);
    all.push_back(knn(bank, queries, 9, {20}, kCpu)[0].predictions());
  }
  cpu().set_threads(available_cores());
  for (const std::vector<Prediction>& other : all) {
    ASSERT_EQ(other.size(), all[0].size());
    for (size_t i = 0; i < other.size(); ++i) {
      EXPECT_EQ(other[i].confidence, all[0][i].confidence) << i;
      EXPECT_EQ(other[i].true_probability, all[0][i].true_probability) << i;
    }
  }
}

TEST(Knn, NumbersOfNeighboursAreThoseThatThereAre) {
  using Counts = std::vector<int64_t>;
  EXPECT_EQ(neighbour_counts(3), Counts({3}));
  EXPECT_EQ(neighbour_counts(10), Counts({10}));
  EXPECT_EQ(neighbour_counts(199), Counts({10, 20, 100}));
  EXPECT_EQ(neighbour_counts(1000), Counts({10, 20, 100, 200}));
  EXPECT_EQ(headline_of({10, 20, 100}), 1u);
  EXPECT_EQ(headline_of({10}), 0u);
  const LabelledFeatures bank = random_features(5, 4, 2, 1);
  EXPECT_EQ(knn(bank, bank, 2, neighbour_counts(5), kCpu)[0].count(), 5);
  EXPECT_THROW(knn(bank, bank, 2, {10}, kCpu), ConfigError);
}

TEST(Knn, AgreesWithPyTorch) {
  const SafetensorsFile file(str(VICINITY_SOURCE_DIR, "/tests/fixtures/knn.safetensors"));
  const auto part = [&](const std::string& name) {
    return LabelledFeatures{file.read(name), values_of<int32_t>(file.read(name + "_labels"))};
  };
  const LabelledFeatures bank = part("bank"), queries = part("queries");
  const std::vector<int64_t> counts = {10, 20, 100};
  const std::vector<EvalReport> reports = knn(bank, queries, 11, counts, kCpu);
  for (size_t r = 0; r < counts.size(); ++r) {
    const Tensor shares = file.read(str("shares_", counts[r]));  // [queries, classes]
    for (const Prediction& p : reports[r].predictions()) {
      const double* row = shares.data<double>() + p.index * 11;
      EXPECT_EQ(p.guess, std::max_element(row, row + 11) - row);
      EXPECT_NEAR(p.confidence, row[p.guess], 1e-5);
      EXPECT_NEAR(p.true_probability, row[p.label], 1e-5);
    }
  }
}

}  // namespace
}  // namespace vicinity::testing
