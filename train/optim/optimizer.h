// What an optimiser over the flat parameters of a model is, and its settings.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/config/fields.h"
#include "core/ops/update_ranges.h"
#include "core/tensor/tensor.h"
#include "train/schedule.h"

namespace vicinity {

struct OptimConfig {
  std::string name = "adamw";
  double lr = 1e-3;
  double weight_decay = 0.05;
  std::vector<double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double momentum = 0.9;
  bool nesterov = false;
  double clip_grad = 0;
  double layer_decay = 1;
  std::vector<std::string> no_decay;
  std::vector<std::string> freeze;

  template <class V>
  void fields(V& v) {
    v("name", name, "adamw or sgd", one_of({"adamw", "sgd"}));
    v("lr", lr, "peak learning rate for the whole (global) batch", at_least(0));
    v("weight_decay", weight_decay,
      "decay of matrices and tables; biases, norms and layer scales have none", at_least(0));
    v("betas", betas, "adamw: decay rates of the first and second moment");
    v("eps", eps, "adamw: added to the root of the second moment", greater_than(0));
    v("momentum", momentum, "sgd: momentum", between(0, 1));
    v("nesterov", nesterov, "sgd: Nesterov momentum");
    v("clip_grad", clip_grad, "gradients are scaled down to this norm; 0: never", at_least(0));
    v("layer_decay", layer_decay,
      "factor of the learning rate from each layer to the one below it, 1 at the classifier",
      greater_than(0), between(0, 1));
    v("no_decay", no_decay,
      "patterns of names without decay, besides biases, norms and layer scales: ['*rpb']");
    v("freeze", freeze,
      "patterns of names that stay as they are: ['embeddings*', 'encoder.layer.[0-7].*']");
  }
  void check(Problems& problems) const;
};

/// Updates `params` from `grads` (flat, same length). State tensors are flat too and named, for
/// checkpoints.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// One step, enqueued. `grad_scale` [1] multiplies every gradient first; where it is not a number
  /// nothing changes (core/ops/grad_norm.h). `copy`: bf16 copies of the parameters, or absent.
  /// `step` counts from 0; the schedule is asked again whenever a recorded step is launched.
  /// Parameters may come part by part: `at` is the place of the first one in the state.
  virtual void step(Tensor& params, const Tensor& grads, Tensor& copy, const UpdateRanges& ranges,
                    const Schedule& schedule, const Tensor& grad_scale, int64_t step,
                    int64_t at = 0) = 0;
  /// Live state, by name ("exp_avg", "exp_avg_sq"; "momentum_buffer"; "ema"), zero before the first
  /// step, but for the average, which starts as the parameters.
  virtual std::map<std::string, Tensor> state() const = 0;
  /// The average of the parameters, flat; absent where none is kept.
  virtual Tensor average() const { return {}; }
};

}  // namespace vicinity
