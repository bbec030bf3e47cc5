#include "train/optim/averaging.h"

#include "core/ops/elementwise.h"
#include "core/ops/ema.h"

namespace vicinity {
namespace {

Tensor clone(const Tensor& x) {
  Tensor copy = empty_like(x);
  copy_(copy, x);
  return copy;
}

class Averaging : public Optimizer {
 public:
  Averaging(std::unique_ptr<Optimizer> optimizer, const Tensor& params, double decay)
      : optimizer_(std::move(optimizer)), average_(clone(params)), decay_(decay) {}

  void step(Tensor& params, const Tensor& grads, Tensor& copy, const UpdateRanges& ranges,
            const Schedule& schedule, const Tensor& grad_scale, int64_t step) override {
    optimizer_->step(params, grads, copy, ranges, schedule, grad_scale, step);
    ema_(average_, params, decay_, grad_scale);
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

std::unique_ptr<Optimizer> averaging(std::unique_ptr<Optimizer> optimizer, const Tensor& params,
                                     double decay) {
  return std::make_unique<Averaging>(std::move(optimizer), params, decay);
}

void exchange_average(ParameterStore& store, Tensor average) {
  const Tensor weights = clone(store.value());
  copy_(store.value(), average);
  copy_(average, weights);
  store.refresh_copies();
}

AverageInUse::AverageInUse(ParameterStore& store, const Optimizer& optimizer)
    : store_(store), average_(optimizer.average()) {
  if (average_.defined()) exchange_average(store_, average_);
}

AverageInUse::~AverageInUse() {
  if (average_.defined()) exchange_average(store_, average_);
}

}  // namespace vicinity
