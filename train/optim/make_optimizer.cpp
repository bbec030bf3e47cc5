#include "train/optim/make_optimizer.h"

#include "core/ops/adamw.h"
#include "core/ops/elementwise.h"
#include "core/ops/sgd.h"
#include "core/ops/transfer.h"
#include "train/optim/averaging.h"

namespace vicinity {
namespace {

// The factors of at(step) beside the parameters.
template <class At>
Tensor factors_at(const Tensor& params, int64_t step, const At& at) {
  return step_values(at(step).factors().shape(), DType::f64, params.device(), step,
                     [at](Tensor& host, int64_t s) { copy_(host, at(s).factors()); });
}

// Of the state, what belongs to `params`.
Tensor part(const Tensor& state, int64_t begin, const Tensor& params) {
  return state.slice(begin, begin + params.size());
}

/// Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2, as torch.optim.AdamW computes it.
class AdamW : public Optimizer {
 public:
  AdamW(const OptimConfig& config, const Tensor& params)
      : config_(config),
        first_(zeros(params.shape(), params.dtype(), params.device())),
        second_(zeros(params.shape(), params.dtype(), params.device())) {}

  void step(Tensor& params, const Tensor& grads, Tensor& copy, const UpdateRanges& ranges,
            const Schedule& schedule, const Tensor& grad_scale, int64_t step,
            int64_t begin) override {
    const auto at = [config = config_, schedule](int64_t t) {
      const Knobs knobs = schedule.at(t);
      return AdamwStep{.lr = knobs.lr,
                       .beta1 = config.betas[0],
                       .beta2 = config.betas[1],
                       .eps = config.eps,
                       .weight_decay = knobs.weight_decay,
                       .step = t + 1};
    };
    Tensor first = part(first_, begin, params), second = part(second_, begin, params);
    adamw_(params, grads, first, second, copy, ranges, factors_at(params, step, at), grad_scale);
  }

  std::map<std::string, Tensor> state() const override {
    return {{"exp_avg", first_}, {"exp_avg_sq", second_}};
  }

 private:
  OptimConfig config_;
  Tensor first_, second_;
};

/// Stochastic gradient descent with momentum, as torch.optim.SGD computes it (decay enters the
/// gradient).
class Sgd : public Optimizer {
 public:
  Sgd(const OptimConfig& config, const Tensor& params)
      : config_(config), buffer_(zeros(params.shape(), params.dtype(), params.device())) {}

  void step(Tensor& params, const Tensor& grads, Tensor& copy, const UpdateRanges& ranges,
            const Schedule& schedule, const Tensor& grad_scale, int64_t step,
            int64_t begin) override {
    const auto at = [config = config_, schedule](int64_t t) {
      const Knobs knobs = schedule.at(t);
      return SgdStep{.lr = knobs.lr,
                     .momentum = config.momentum,
                     .weight_decay = knobs.weight_decay,
                     .nesterov = config.nesterov,
                     .first = t == 0};
    };
    Tensor buffer = part(buffer_, begin, params);
    sgd_(params, grads, buffer, copy, ranges, factors_at(params, step, at), grad_scale);
  }

  std::map<std::string, Tensor> state() const override { return {{"momentum_buffer", buffer_}}; }

 private:
  OptimConfig config_;
  Tensor buffer_;
};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const OptimConfig& config, Tensor params, double ema) {
  std::unique_ptr<Optimizer> optimizer;
  if (config.name == "adamw") optimizer = std::make_unique<AdamW>(config, params);
  if (config.name == "sgd") optimizer = std::make_unique<Sgd>(config, params);
  VIC_CHECK(ConfigError, optimizer != nullptr, "optim.name = '", config.name,
            "': there are adamw and sgd");
  return ema > 0 ? averaging(std::move(optimizer), std::move(params), ema) : std::move(optimizer);
}

}  // namespace vicinity
