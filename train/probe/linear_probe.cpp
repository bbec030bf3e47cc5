#include "train/probe/linear_probe.h"

#include <algorithm>
#include <cmath>

#include "core/ops/column_sum.h"
#include "core/ops/cross_entropy.h"
#include "core/ops/elementwise.h"
#include "core/ops/label_rank.h"
#include "core/ops/linear.h"
#include "core/ops/random_fill.h"
#include "core/ops/sgd.h"
#include "core/ops/transfer.h"
#include "core/runtime/cpu.h"
#include "data/sampler.h"
#include "train/schedule.h"

namespace vicinity {
namespace {

constexpr double kInitialDeviation = 0.01;
constexpr double kMomentum = 0.9;
constexpr double kBatchOfLr = 256;
constexpr int64_t kRowsAtOnce = 1024;  // of validation

// Columns of the named rows.
Tensor gather(const Tensor& values, const std::vector<int64_t>& rows, const ProbeInput& input) {
  const int64_t width = input.end - input.begin;
  Tensor result = empty({static_cast<int64_t>(rows.size()), width}, DType::f32);
  cpu().parallel_rows(result.dim(0), width, [&](int64_t r) {
    std::copy_n(values.data<float>() + rows[static_cast<size_t>(r)] * values.dim(1) + input.begin,
                width, result.data<float>() + r * width);
  });
  return result;
}

// Every label `times` times: that of row r of [B * times, K] logits.
Tensor repeated(const std::vector<int32_t>& labels, int64_t times) {
  std::vector<int32_t> all;
  for (const int32_t label : labels) all.insert(all.end(), static_cast<size_t>(times), label);
  return tensor_of<int32_t>({static_cast<int64_t>(all.size())}, all);
}

Tensor random_weights(const Shape& shape, uint64_t seed, uint64_t stream) {
  Tensor weights = empty(shape, DType::f32);
  normal_(weights, kInitialDeviation, {seed, Purpose::initialisation, stream});
  return weights;
}

std::vector<UpdateRange> ranges_of(const std::vector<double>& lrs, int64_t elements) {
  std::vector<UpdateRange> ranges;
  for (const double lr : lrs) {
    const int64_t begin = static_cast<int64_t>(ranges.size()) * elements;
    ranges.push_back({begin, begin + elements, lr, false});
  }
  return ranges;
}

bool all_finite(const Tensor& x) {
  return std::all_of(x.data<float>(), x.data<float>() + x.size(),
                     [](float v) { return std::isfinite(v); });
}

// Values that one update changes alike, one part a head.
struct Parameter {
  Tensor value, momentum;
  UpdateRanges ranges;

  Parameter(const Tensor& initial, const std::vector<double>& lrs, Device device)
      : value(to_device(initial, device)),
        momentum(zeros(initial.shape(), DType::f32, device)),
        ranges(ranges_of(lrs, initial.size() / static_cast<int64_t>(lrs.size()))) {}
  void update(const Tensor& gradient, const Tensor& factors) {
    Tensor none;
    Tensor flat = value.reshape({-1}), buffer = momentum.reshape({-1});
    sgd_(flat, gradient.reshape({-1}), buffer, none, ranges, factors, {});
  }
};

// The heads of one input, as one matrix: [lrs * K, C].
class HeadGroup {
 public:
  HeadGroup(const ProbeInput& input, uint64_t stream, int64_t classes,
            const std::vector<double>& lrs, uint64_t seed, Device device)
      : input_(input),
        heads_(static_cast<int64_t>(lrs.size())),
        classes_(classes),
        weight_(random_weights({heads_ * classes, input.end - input.begin}, seed, stream), lrs,
                device),
        bias_(zeros({heads_ * classes}, DType::f32), lrs, device) {}

  const ProbeInput& input() const { return input_; }

  // x: [B, C]; labels: i32 [B * heads].
  void step(const Tensor& x, const Tensor& labels, const Tensor& factors) {
    const Tensor dlosses =
        full({labels.dim(0)}, 1.0 / static_cast<double>(x.dim(0)), DType::f32, x.device());
    const Tensor dlogits = cross_entropy_backward(dlosses, logits(x), {.first = labels})
                               .reshape({x.dim(0), heads_ * classes_});
    const Tensor dweight = linear_backward_weight(dlogits, x), dbias = column_sum(dlogits);
    weight_.update(dweight, factors);
    bias_.update(dbias, factors);
  }

  // [B * heads, K]: of one image all heads, then the next.
  Tensor logits(const Tensor& x) const {
    return linear(x, weight_.value, bias_.value).reshape({x.dim(0) * heads_, classes_});
  }

  ProbeHead head(int64_t number, double base_lr) const {
    ProbeHead head;
    head.input = input_;
    head.base_lr = base_lr;
    const int64_t begin = number * classes_, end = begin + classes_;
    head.weight = copied(weight_.value.slice(begin, end));
    head.bias = copied(bias_.value.slice(begin, end));
    head.diverged = !all_finite(head.weight) || !all_finite(head.bias);
    return head;
  }

 private:
  static Tensor copied(const Tensor& part) {
    const Tensor on_cpu = to_device(part, kCpu);
    Tensor own = empty_like(on_cpu);
    copy_(own, on_cpu);
    return own;
  }

  ProbeInput input_;
  int64_t heads_, classes_;
  Parameter weight_, bias_;
};

std::vector<int64_t> rows_of_step(const ProbeSettings& settings, int64_t step, int64_t batch,
                                  int64_t count) {
  std::vector<int64_t> rows;
  for (int64_t at = step * batch; at < (step + 1) * batch; ++at)
    rows.push_back(shuffled_index(settings.seed, at / count, at % count, count));
  return rows;
}

void train(std::vector<HeadGroup>& groups, const LabelledFeatures& data,
           const ProbeSettings& settings, int64_t batch, Device device) {
  const Schedule schedule{.peak_lr = 1, .total_steps = settings.steps};
  const auto heads = static_cast<int64_t>(settings.lrs.size());
  for (int64_t step = 0; step < settings.steps; ++step) {
    const std::vector<int64_t> rows = rows_of_step(settings, step, batch, data.values.dim(0));
    std::vector<int32_t> labels;
    for (const int64_t row : rows) labels.push_back(data.labels[static_cast<size_t>(row)]);
    const Tensor targets = to_device(repeated(labels, heads), device);
    const SgdStep update{.lr = schedule.at(step).lr, .momentum = kMomentum, .first = step == 0};
    const Tensor factors = to_device(update.factors(), device);
    for (HeadGroup& group : groups)
      group.step(to_device(gather(data.values, rows, group.input()), device), targets, factors);
    if (settings.progress) settings.progress(step + 1);
  }
}

// Adds the ranks of the labels among each head's logits to heads [0, lrs).
void count(const HeadGroup& group, const LabelledFeatures& val, ProbeHead* heads, int64_t number,
           Device device) {
  for (int64_t first = 0; first < val.values.dim(0); first += kRowsAtOnce) {
    std::vector<int64_t> rows;
    std::vector<int32_t> labels;
    for (int64_t r = first; r < std::min(val.values.dim(0), first + kRowsAtOnce); ++r) {
      rows.push_back(r);
      labels.push_back(val.labels[static_cast<size_t>(r)]);
    }
    const Tensor x = to_device(gather(val.values, rows, group.input()), device);
    const Tensor targets = to_device(repeated(labels, number), device);
    const Tensor ranks = to_device(label_rank(group.logits(x), targets), kCpu);
    for (int64_t i = 0; i < ranks.size(); ++i) {
      ProbeHead& head = heads[i % number];
      head.top1 += !head.diverged && ranks.data<int32_t>()[i] == 0;
      head.top5 += !head.diverged && ranks.data<int32_t>()[i] < 5;
    }
  }
}

size_t best_of(const std::vector<ProbeHead>& heads) {
  size_t best = heads.size();
  for (size_t i = 0; i < heads.size(); ++i) {
    if (!heads[i].diverged && (best == heads.size() || heads[i].top1 > heads[best].top1)) best = i;
  }
  VIC_CHECK(DivergedError, best < heads.size(), "every one of the ", heads.size(),
            " linear heads diverged: the features are far too large");
  return best;
}

}  // namespace

int probe_blocks(const ModelConfig& config) {
  return config.family == "dinov2" ? std::min(4, config.stages()) : 0;
}

std::vector<ProbeInput> probe_inputs(const ModelConfig& config, int64_t width) {
  if (config.family != "dinov2") return {{1, false, 0, width}};
  const int most = probe_blocks(config);
  const int64_t token = width / (most + 1);
  std::vector<ProbeInput> inputs;
  for (const int blocks : most > 1 ? std::vector<int>{1, most} : std::vector<int>{1}) {
    const int64_t begin = (most - blocks) * token, end = most * token;
    inputs.push_back({blocks, false, begin, end});
    inputs.push_back({blocks, true, begin, end + token});
  }
  return inputs;
}

ProbeResult linear_probe(const LabelledFeatures& train_data, const LabelledFeatures& val,
                         int64_t classes, const std::vector<ProbeInput>& inputs,
                         const ProbeSettings& settings, Device device) {
  const int64_t batch = std::min(settings.batch, train_data.values.dim(0));
  std::vector<double> lrs;
  for (const double lr : settings.lrs) lrs.push_back(lr * static_cast<double>(batch) / kBatchOfLr);
  std::vector<HeadGroup> groups;
  for (size_t i = 0; i < inputs.size(); ++i)
    groups.emplace_back(inputs[i], i, classes, lrs, settings.seed, device);
  train(groups, train_data, settings, batch, device);
  const size_t number = lrs.size();
  std::vector<ProbeHead> heads;
  for (const HeadGroup& group : groups) {
    for (size_t i = 0; i < number; ++i)
      heads.push_back(group.head(static_cast<int64_t>(i), settings.lrs[i]));
    count(group, val, heads.data() + heads.size() - number, static_cast<int64_t>(number), device);
  }
  const size_t best = best_of(heads);
  EvalReport report = report_of(heads[best], val, classes);
  return {batch, std::move(heads), best, std::move(report)};
}

EvalReport report_of(const ProbeHead& head, const LabelledFeatures& features, int64_t classes) {
  EvalReport report(classes);
  const int64_t count = features.values.dim(0);
  for (int64_t first = 0; first < count; first += kRowsAtOnce) {
    std::vector<int64_t> rows;
    for (int64_t r = first; r < std::min(count, first + kRowsAtOnce); ++r) rows.push_back(r);
    const Tensor logits =
        cast(linear(gather(features.values, rows, head.input), head.weight, head.bias), DType::f64);
    for (const int64_t row : rows) {
      report.add_logits(row, features.labels[static_cast<size_t>(row)],
                        logits.data<double>() + (row - first) * classes);
    }
  }
  return report;
}

}  // namespace vicinity
