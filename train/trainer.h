// One training step, on one screen.
#pragma once

#include "models/model.h"
#include "train/captured_step.h"
#include "train/exchange.h"
#include "train/gradient_tree.h"
#include "train/optim/optimizer.h"
#include "train/tasks/task.h"

namespace vicinity {

struct StepReport {
  int64_t step = 0;      // steps done, this one included
  double loss = 0;       // mean over the batch
  double accuracy = 0;   // share of the batch whose label came first
  double grad_norm = 0;  // before clipping
  Knobs knobs;
};

/// Seconds of the last step by phase, for `bench`. On a GPU: until it was enqueued; the wait for
/// all of it is in `update`.
struct PhaseSeconds {
  double forward = 0;
  double backward = 0;
  double update = 0;
};

class Trainer {
 public:
  struct Settings {
    DType act = DType::f32;
    uint64_t seed = 0;
    int64_t micro_batch = 64;
    double clip_grad = 0;
    bool recompute = false;  // what blocks compute is computed again in backward, not kept
    double head_dropout = 0;
    bool cuda_graph = true;  // record the step of the first batch's shape, launch it as one
    Schedule schedule;
    Exchange* ranks = nullptr;         // of many; absent: this process is the only one
    std::function<int()> signal = {};  // what the process received, for the other ranks
  };

  Trainer(Model& model, Task& task, Optimizer& optimizer, const std::vector<UpdateRange>& ranges,
          Settings settings);

  /// images: u8 [B, H, W, 3], labels: i32 [B], on the CPU (or on the plan device); with many ranks
  /// the images of this rank's leaves, and the labels of the whole batch. DivergedError, with the
  /// weights as they were, if the loss or the gradient is not finite. `meanwhile` is called when
  /// the device has got its work and before the host waits for it: the time to fetch the next
  /// batch, and to stage it.
  StepReport step(const Tensor& images, const Tensor& labels,
                  const std::function<void()>& meanwhile = {});
  /// Begins to bring the next batch to the device; step() must be given the same tensors.
  void stage(const Tensor& images, const Tensor& labels) { captured_.stage(images, labels); }

  /// Forward and backward of one leaf of the next step, without an update: the same again, for
  /// someone who looks on (autograd/watch.h).
  LeafOutcome replay(const LeafBatch& leaf) {
    LeafOutcome outcome;
    run_back(run_forward(leaf, outcome));
    return outcome;
  }
  /// The leaves that this rank computes.
  std::vector<LeafBatch> leaves(const Tensor& images, const Tensor& labels) const;
  /// The largest signal that a rank had received in the last step; 0: none.
  int signal() const { return signal_; }
  /// Those of the next step.
  Knobs knobs() const { return settings_.schedule.at(step_); }

  int64_t steps_done() const { return step_; }
  /// Continues from a checkpoint.
  void set_steps_done(int64_t steps) { step_ = steps; }
  const PhaseSeconds& phases() const { return phases_; }

 private:
  StepOutcome enqueue(const Tensor& images, const Tensor& labels);
  Variable run_forward(const LeafBatch& leaf, LeafOutcome& outcome);
  void run_back(const Variable& loss);
  void doing(const char* what);
  Tensor sum_leaves(const std::vector<LeafBatch>& leaves, StepOutcome& outcome);
  Tensor sum_for_ranks(const std::vector<LeafBatch>& own, StepOutcome& outcome, int64_t images);
  void update_on_ranks(StepOutcome& outcome, int64_t images);
  void gather_numbers(const StepOutcome& outcome, int64_t images);
  void update(const Tensor& gradient, const Tensor& grad_scale);

  Model& model_;
  Task& task_;
  Optimizer& optimizer_;
  std::vector<ShardPiece> pieces_;     // of the flat parameters, that this rank updates
  std::vector<UpdateRanges> updates_;  // of each piece
  Settings settings_;
  GradientTree gradients_;
  CapturedStep captured_;
  StepNumbers numbers_;  // of all ranks, in the last step
  int64_t step_ = 0;
  int signal_ = 0;
  PhaseSeconds phases_;
};

}  // namespace vicinity
