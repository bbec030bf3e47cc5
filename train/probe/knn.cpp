#include "train/probe/knn.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/ops/linear.h"
#include "core/ops/transfer.h"
#include "core/runtime/cpu.h"

namespace vicinity {
namespace {

constexpr double kTemperature = 0.07;

// Queries and training images at a time: scores of a block stay in the caches of a CPU, and are
// worth a launch on a GPU.
struct Block {
  int64_t queries, bank;
};
Block block_of(Device device) { return device == kCpu ? Block{256, 4096} : Block{2048, 16384}; }

struct Neighbour {
  float score;
  int32_t index;
};
bool nearer(const Neighbour& a, const Neighbour& b) {
  return a.score > b.score || (a.score == b.score && a.index < b.index);
}

// Rows of length 1; a row of zeros stays one.
Tensor normalised(const Tensor& rows) {
  Tensor result = empty_like(rows);
  const int64_t width = rows.dim(1);
  cpu().parallel_rows(rows.dim(0), width, [&](int64_t r) {
    const float* in = rows.data<float>() + r * width;
    float* out = result.data<float>() + r * width;
    double sum = 0;
    for (int64_t c = 0; c < width; ++c) sum += static_cast<double>(in[c]) * in[c];
    const double norm = std::max(std::sqrt(sum), 1e-12);
    for (int64_t c = 0; c < width; ++c) out[c] = static_cast<float>(in[c] / norm);
  });
  return result;
}

// The `most` nearest of all that it is shown; they are shown in the order of their indices.
class Nearest {
 public:
  explicit Nearest(size_t most) : most_(most) {}

  void look_at(const float* scores, int64_t count, int64_t first) {
    for (int64_t i = 0; i < count; ++i) {
      // Of equally near ones the earlier stays: it was here first.
      if (heap_.size() == most_ && scores[i] <= heap_.front().score) continue;
      if (heap_.size() == most_) {
        std::pop_heap(heap_.begin(), heap_.end(), nearer);
        heap_.pop_back();
      }
      heap_.push_back({scores[i], static_cast<int32_t>(first + i)});
      std::push_heap(heap_.begin(), heap_.end(), nearer);
    }
  }
  /// Nearest first.
  const std::vector<Neighbour>& sorted() {
    std::sort(heap_.begin(), heap_.end(), nearer);
    return heap_;
  }

 private:
  size_t most_;
  std::vector<Neighbour> heap_;  // the farthest in front
};

// Votes that grow with the number of neighbours.
class Votes {
 public:
  explicit Votes(int64_t classes) : votes_(static_cast<size_t>(classes), 0.0) {}

  void add(int32_t label, double weight) {
    votes_[static_cast<size_t>(label)] += weight;
    sum_ += weight;
  }
  Prediction prediction(int64_t index, int32_t label) const {
    const auto most = std::max_element(votes_.begin(), votes_.end());
    const double own = votes_[static_cast<size_t>(label)];
    int64_t rank = 0;
    for (size_t k = 0; k < votes_.size(); ++k)
      rank += votes_[k] > own || (votes_[k] == own && static_cast<int32_t>(k) < label);
    return {.index = index,
            .label = label,
            .guess = static_cast<int32_t>(most - votes_.begin()),
            .rank = own > 0 ? rank : static_cast<int64_t>(votes_.size()),
            .confidence = *most / sum_,
            .true_probability = own / sum_,
            .loss = std::numeric_limits<double>::quiet_NaN()};
  }

 private:
  std::vector<double> votes_;
  double sum_ = 0;
};

// Queries [begin, end): their nearest among all rows of the bank.
std::vector<Nearest> search(const Tensor& bank, const Tensor& queries, size_t most, int64_t step) {
  std::vector<Nearest> nearest(static_cast<size_t>(queries.dim(0)), Nearest(most));
  for (int64_t first = 0; first < bank.dim(0); first += step) {
    const Tensor part = bank.slice(first, std::min(bank.dim(0), first + step));
    const Tensor scores = to_device(linear(queries, part, {}), kCpu);
    cpu().parallel_for(scores.dim(0), [&](int64_t q) {
      nearest[static_cast<size_t>(q)].look_at(scores.data<float>() + q * scores.dim(1),
                                              scores.dim(1), first);
    });
  }
  return nearest;
}

void vote(const std::vector<Neighbour>& neighbours, const std::vector<int32_t>& labels,
          int64_t index, int32_t label, const std::vector<int64_t>& counts,
          std::vector<EvalReport>& reports) {
  Votes votes(reports[0].classes());
  size_t at = 0;
  for (size_t i = 0; i < neighbours.size(); ++i) {
    // The same factor for all, so that the nearest weighs 1.
    const double below = static_cast<double>(neighbours[i].score) - neighbours[0].score;
    votes.add(labels[static_cast<size_t>(neighbours[i].index)], std::exp(below / kTemperature));
    if (static_cast<int64_t>(i) + 1 == counts[at])
      reports[at++].add(votes.prediction(index, label));
  }
}

}  // namespace

std::vector<int64_t> neighbour_counts(int64_t training_images) {
  std::vector<int64_t> counts;
  for (const int64_t k : {10, 20, 100, 200}) {
    if (k <= training_images) counts.push_back(k);
  }
  if (counts.empty()) counts.push_back(training_images);
  return counts;
}

size_t headline_of(const std::vector<int64_t>& counts) {
  size_t best = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] <= 20) best = i;
  }
  return best;
}

std::vector<EvalReport> knn(const LabelledFeatures& bank, const LabelledFeatures& queries,
                            int64_t classes, const std::vector<int64_t>& counts, Device device) {
  VIC_CHECK(ConfigError, !counts.empty() && counts.back() <= bank.values.dim(0),
            "kNN with k = ", counts.empty() ? 0 : counts.back(), " and ", bank.values.dim(0),
            " training images");
  VIC_CHECK(ShapeError, bank.values.dim(1) == queries.values.dim(1), "kNN: training features ",
            bank.values.shape(), ", queries ", queries.values.shape());
  std::vector<EvalReport> reports(counts.size(), EvalReport(classes));
  const Block block = block_of(device);
  const Tensor all = to_device(normalised(bank.values), device),
               wanted = normalised(queries.values);
  for (int64_t first = 0; first < wanted.dim(0); first += block.queries) {
    const int64_t end = std::min(wanted.dim(0), first + block.queries);
    std::vector<Nearest> nearest = search(all, to_device(wanted.slice(first, end), device),
                                          static_cast<size_t>(counts.back()), block.bank);
    for (int64_t q = first; q < end; ++q) {
      vote(nearest[static_cast<size_t>(q - first)].sorted(), bank.labels, q,
           queries.labels[static_cast<size_t>(q)], counts, reports);
    }
  }
  return reports;
}

}  // namespace vicinity
