// The loop around a step: batches in, log lines, evaluations and checkpoints out. Nothing flows
// back into the step.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>

#include "data/loader.h"
#include "data/source/open.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/metrics_file.h"
#include "train/run/run_directory.h"
#include "train/run/setup.h"
#include "train/run_config.h"
#include "train/trainer.h"

namespace vicinity {

struct RunResult {
  int64_t steps = 0;
  double top1 = 0;       // percent, at the end
  double best_top1 = 0;  // percent
  int signal = 0;        // SIGINT or SIGTERM that ended the run after a checkpoint, or 0
};

class Run {
 public:
  /// Opens the data, builds the model and restores the last checkpoint where `resume` says so.
  Run(RunConfig config, const RunDirectory& directory, bool resume);

  RunResult train();
  const Model& model() const { return *model_; }

 private:
  void build_model(bool resume);
  void restore();
  void describe() const;
  struct Fetched {
    Tensor images, labels;
    std::exception_ptr error;  // thrown when the batch is wanted: the step before it is whole
  };
  Fetched fetch();
  StepReport step_on(const Fetched& batch, const std::function<void()>& meanwhile);
  void log_step(const StepReport& report);
  bool due(double every_epochs) const;
  void evaluate_now();
  void save(bool best);
  RunResult finish(int signal);

  RunConfig config_;
  const RunDirectory& directory_;
  DataSets data_;
  Device device_;
  DType act_;
  Length length_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<Task> task_;
  std::unique_ptr<Trainer> trainer_;
  std::unique_ptr<Loader> train_loader_, val_loader_;
  Checkpoints checkpoints_;
  std::unique_ptr<MetricsFile> metrics_;
  RunState state_;
  int64_t evaluated_at_ = -1, saved_at_ = -1;
  double last_top1_ = 0;
  // Since the last log line.
  struct Interval {
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    double loss = 0, accuracy = 0, wait = 0;
    int64_t steps = 0, images = 0;
  } interval_;
};

}  // namespace vicinity
