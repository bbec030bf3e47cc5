#include "train/trainer.h"

#include <cmath>

#include "autograd/record.h"
#include "core/ops/elementwise.h"
#include "core/ops/grad_norm.h"
#include "core/ops/transfer.h"
#include "core/runtime/profile.h"
#include "train/overlapped_sum.h"

namespace vicinity {
namespace {

/// Sums over the images of a batch, added in order.
struct LossSums {
  double loss = 0;
  int64_t correct = 0;
  int64_t count = 0;
};

// Waits for the device. On the plan device there is nothing to read.
LossSums read(const std::vector<LeafOutcome>& leaves) {
  LossSums sums;
  for (const LeafOutcome& leaf : leaves) {
    sums.count += leaf.losses.size();
    if (leaf.losses.device() == kPlan) continue;
    const Tensor losses = cast(to_device(leaf.losses, kCpu), DType::f64);
    for (const double loss : values_of<double>(losses)) sums.loss += loss;
    for (const int32_t rank : values_of<int32_t>(to_device(leaf.ranks, kCpu)))
      sums.correct += rank == 0;
  }
  return sums;
}

double read_norm(const Tensor& squares) {
  if (squares.device() == kPlan) return 0;
  return std::sqrt(values_of<double>(to_device(squares, kCpu))[0]);
}

LossSums sums_of(const StepNumbers& numbers) {
  LossSums sums{.correct = numbers.correct, .count = static_cast<int64_t>(numbers.losses.size())};
  for (const double loss : numbers.losses) sums.loss += loss;
  return sums;
}

// The optimiser has left everything as it was where the gradient is not finite, and where the loss
// is not, neither is the gradient.
void accept(const LossSums& sums, double norm, int64_t step) {
  VIC_CHECK(DivergedError, std::isfinite(sums.loss), "the loss of step ", step + 1, " is ",
            std::isnan(sums.loss) ? "nan" : str(sums.loss),  // whose sign means nothing
            "; the weights were left as they were before it. Lower optim.lr, lengthen "
            "sched.warmup, or set "
            "optim.clip_grad=1");
  VIC_CHECK(
      DivergedError, std::isfinite(norm), "the gradient of step ", step + 1,
      " is not finite (norm ", norm, ") though its loss is ",
      sums.loss / static_cast<double>(sums.count),
      "; the weights were left as they were before it. Lower optim.lr or set optim.clip_grad=1");
}

}  // namespace

Trainer::Trainer(Model& model, Task& task, Optimizer& optimizer,
                 const std::vector<UpdateRange>& ranges, Settings settings)
    : model_(model),
      task_(task),
      optimizer_(optimizer),
      settings_(std::move(settings)),
      captured_(model.store().value().device(), settings_.cuda_graph) {
  pieces_ = settings_.ranks != nullptr
                ? settings_.ranks->own_pieces()
                : std::vector<ShardPiece>{{.size = model.store().value().size()}};
  for (const ShardPiece& piece : pieces_) updates_.emplace_back(Exchange::within(piece, ranges));
}

std::vector<LeafBatch> Trainer::leaves(const Tensor& images, const Tensor& labels) const {
  const int64_t first = settings_.ranks != nullptr ? settings_.ranks->first_image() : 0;
  return leaves_of(images, labels, settings_.micro_batch, first);
}

// For those who wait for this rank.
void Trainer::doing(const char* what) {
  if (settings_.ranks != nullptr) settings_.ranks->comm().doing(what, step_ + 1);
}

Variable Trainer::run_forward(const LeafBatch& leaf, LeafOutcome& outcome) {
  doing("forward");
  const auto start = std::chrono::steady_clock::now();
  Pass pass{.training = true,
            .act = settings_.act,
            .seed = settings_.seed,
            .step = step_,
            .first_sample = leaf.first,
            .recompute = settings_.recompute,
            .head_dropout = settings_.head_dropout};
  model_.store().clear_grads();
  Variable loss = task_.loss(leaf, pass, outcome);
  phases_.forward += seconds_since(start);
  return loss;
}

void Trainer::run_back(const Variable& loss) {
  doing("backward");
  const auto start = std::chrono::steady_clock::now();
  backward(loss, full({1}, 1, loss.dtype(), loss.value().device()));
  phases_.backward += seconds_since(start);
}

StepOutcome Trainer::enqueue(const Tensor& images, const Tensor& labels) {
  StepOutcome outcome;
  const std::vector<LeafBatch> own = leaves(images, labels);
  if (settings_.ranks != nullptr) {
    outcome.gradient = sum_for_ranks(own, outcome, labels.dim(0));
    return outcome;
  }
  outcome.gradient = sum_leaves(own, outcome);
  const auto start = std::chrono::steady_clock::now();
  outcome.squares = sum_of_squares(outcome.gradient);
  outcome.scale = grad_scale(outcome.squares, settings_.clip_grad);
  update(outcome.gradient, outcome.scale);
  phases_.update += seconds_since(start);
  return outcome;
}

Tensor Trainer::sum_leaves(const std::vector<LeafBatch>& leaves, StepOutcome& outcome) {
  return gradients_.sum(leaves.size(), [&](size_t i) {
    run_back(run_forward(leaves[i], outcome.leaves.emplace_back()));
    return model_.store().grad();
  });
}

// Of this rank's leaves. It leaves for the other ranks while the last leaf runs back.
Tensor Trainer::sum_for_ranks(const std::vector<LeafBatch>& own, StepOutcome& outcome,
                              int64_t images) {
  RankSum& ranks = settings_.ranks->sum();
  if (own.empty()) {  // the short batch at the end of an epoch may leave a rank none
    ranks.begin({}, images);
    ranks.whole_from(0);
    return {};
  }
  for (size_t i = 0; i + 1 < own.size(); ++i) {
    run_back(run_forward(own[i], outcome.leaves.emplace_back()));
    gradients_.add(model_.store().grad());
  }
  const Variable loss = run_forward(own.back(), outcome.leaves.emplace_back());
  OverlappedSum sum(model_.store(), gradients_, ranks, images);
  run_back(loss);
  return sum.finish();
}

// On a GPU enqueued op by op beside and behind the recorded forward and backward: NCCL is no part
// of the graph.
void Trainer::update_on_ranks(StepOutcome& outcome, int64_t images) {
  const auto start = std::chrono::steady_clock::now();
  Exchange& ranks = *settings_.ranks;
  const Tensor shard = ranks.sum().finish(outcome.gradient, images);
  outcome.squares = ranks.sum_of_squares(shard);
  outcome.scale = grad_scale(outcome.squares, settings_.clip_grad);
  update(shard, outcome.scale);
  phases_.update += seconds_since(start);
}

void Trainer::gather_numbers(const StepOutcome& outcome, int64_t images) {
  StepNumbers own;
  for (const LeafOutcome& leaf : outcome.leaves) {
    const Tensor losses = cast(to_device(leaf.losses, kCpu), DType::f64);
    for (const double loss : values_of<double>(losses)) own.losses.push_back(loss);
    for (const int32_t rank : values_of<int32_t>(to_device(leaf.ranks, kCpu)))
      own.correct += rank == 0;
  }
  if (settings_.signal) own.signal = settings_.signal();
  numbers_ = settings_.ranks->gather(own, images);
  signal_ = numbers_.signal;
}

void Trainer::update(const Tensor& gradient, const Tensor& grad_scale) {
  ParameterStore& store = model_.store();
  Tensor copies = settings_.ranks != nullptr ? Tensor{} : store.copies();
  if (settings_.ranks != nullptr) doing("update");
  for (size_t i = 0; i < pieces_.size(); ++i) {
    const ShardPiece& piece = pieces_[i];
    Tensor value = store.value().slice(piece.flat, piece.flat + piece.size);
    optimizer_.step(value, gradient.slice(piece.shard, piece.shard + piece.size), copies,
                    updates_[i], settings_.schedule, grad_scale, step_, piece.shard);
  }
  if (settings_.ranks == nullptr) return;
  settings_.ranks->gather(store.value());
  store.refresh_copies();
}

StepReport Trainer::step(const Tensor& images, const Tensor& labels,
                         const std::function<void()>& meanwhile) {
  const Knobs knobs = settings_.schedule.at(step_);
  phases_ = {};
  StepOutcome outcome = captured_.run(
      images, labels, step_, [this](const Tensor& device_images, const Tensor& device_labels) {
        return enqueue(device_images, device_labels);
      });
  if (settings_.ranks != nullptr) update_on_ranks(outcome, labels.dim(0));
  if (meanwhile) meanwhile();
  const auto start = std::chrono::steady_clock::now();
  const double norm = read_norm(outcome.squares);  // waits for the device, before other ranks do
  if (settings_.ranks != nullptr) gather_numbers(outcome, labels.dim(0));
  const LossSums sums = settings_.ranks != nullptr ? sums_of(numbers_) : read(outcome.leaves);
  accept(sums, norm, step_);
  task_.after_step(knobs);
  ++step_;
  phases_.update += seconds_since(start);
  const auto count = static_cast<double>(sums.count);
  return {step_, sums.loss / count, static_cast<double>(sums.correct) / count, norm, knobs};
}

}  // namespace vicinity
