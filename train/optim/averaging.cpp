#include "train/optim/averaging.h"

#include <algorithm>
#include <exception>

#include "core/ops/elementwise.h"
#include "core/ops/ema.h"

namespace vicinity {
namespace {

Tensor clone(const Tensor& x) {
  Tensor copy = empty_like(x);
  copy_(copy, x);
  return copy;
}

// By parts: a checkpoint is taken while no second copy of the weights may fit.
void exchange(const Tensor& a, const Tensor& b) {
  constexpr int64_t kPart = int64_t{1} << 20;
  const int64_t size = a.size();
  const Tensor aside = empty({std::min(size, kPart)}, a.dtype(), a.device());
  for (int64_t at = 0; at < size; at += kPart) {
    const int64_t end = std::min(size, at + kPart);
    Tensor of_a = a.slice(at, end), of_b = b.slice(at, end), kept = aside.slice(0, end - at);
    copy_(kept, of_a);
    copy_(of_a, of_b);
    copy_(of_b, kept);
  }
}

class Averaging : public Optimizer {
 public:
  Averaging(std::unique_ptr<Optimizer> optimizer, Tensor first, double decay)
      : optimizer_(std::move(optimizer)), average_(std::move(first)), decay_(decay) {}

  void step(Tensor& params, const Tensor& grads, Tensor& copy, const UpdateRanges& ranges,
            const Schedule& schedule, const Tensor& grad_scale, int64_t step, int64_t at) override {
    optimizer_->step(params, grads, copy, ranges, schedule, grad_scale, step, at);
    Tensor average = average_.slice(at, at + params.size());
    ema_(average, params, decay_, grad_scale);
  }

  std::map<std::string, Tensor> state() const override {
    std::map<std::string, Tensor> all = optimizer_->state();
    all.emplace("ema", average_);
    return all;
  }

  Tensor average() const override { return average_; }

 private:
  std::unique_ptr<Optimizer> optimizer_;
  Tensor average_;
  double decay_;
};

}  // namespace

std::unique_ptr<Optimizer> averaging(std::unique_ptr<Optimizer> optimizer, Tensor params,
                                     double decay) {
  Tensor first = params.unique() ? std::move(params) : clone(params);
  return std::make_unique<Averaging>(std::move(optimizer), std::move(first), decay);
}

void exchange_average(ParameterStore& store, Tensor average, Exchange* ranks) {
  if (ranks != nullptr) {
    const Tensor weights = ranks->own(store.value());
    ranks->put(average, store.value());
    ranks->gather(store.value());
    copy_(average, weights);
  } else {
    exchange(store.value(), average);
  }
  store.refresh_copies();
}

AverageInUse::AverageInUse(ParameterStore& store, const Optimizer& optimizer, Exchange* ranks)
    : store_(store),
      average_(optimizer.average()),
      ranks_(ranks),
      errors_(std::uncaught_exceptions()) {
  if (average_.defined()) exchange_average(store_, average_, ranks_);
}

// A rank that ends because of an error exchanges nothing any more.
AverageInUse::~AverageInUse() noexcept(false) {
  const bool failed = std::uncaught_exceptions() > errors_;
  if (average_.defined() && !(failed && ranks_ != nullptr))
    exchange_average(store_, average_, ranks_);
}

}  // namespace vicinity
