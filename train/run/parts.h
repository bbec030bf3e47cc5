// What a run is made of, put together once from its configuration.
#pragma once

#include <memory>

#include "data/source/open.h"
#include "models/model.h"
#include "train/exchange.h"
#include "train/optim/optimizer.h"
#include "train/run/setup.h"
#include "train/run_config.h"
#include "train/tasks/task.h"
#include "train/trainer.h"

namespace vicinity {

struct RunParts {
  RunConfig config;  // once the data is open, with its class names as the labels of the model
  DataSets data;
  Communicator* comm = nullptr;             // of many ranks; absent: this process is the only one
  std::unique_ptr<DeviceCollectives> gpus;  // of many ranks that compute on GPUs
  std::unique_ptr<Exchange> ranks;          // where there is one
  Device device;
  DType act = DType::f32;
  Length length;
  std::unique_ptr<Model> model;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<Task> task;
  std::unique_ptr<Trainer> trainer;

  int64_t steps_done() const { return trainer->steps_done(); }
  /// Whether this process writes files and speaks.
  bool is_first() const { return comm == nullptr || comm->rank() == 0; }
  /// Tells the other ranks what this one is at.
  void doing(const char* what) const {
    if (comm != nullptr) comm->doing(what, trainer == nullptr ? -1 : steps_done() + 1);
  }
};

/// The data is opened, the device chosen, the length counted. `comm`: of many ranks, or absent.
/// Threads that were not set are this rank's share of the machine; where ranks compute on GPUs,
/// each has its own, all of one model.
RunParts open_parts(RunConfig config, Communicator* comm = nullptr);
/// Of the run's length.
Schedule schedule_of(const RunConfig& config, const Length& length);
/// Model, optimiser, task and trainer. `fresh`: the weights are drawn, and what model.weights holds
/// is loaded over them; otherwise they are left to a checkpoint.
void build_parts(RunParts& parts, bool fresh);
/// The trainer of what the other parts are now.
std::unique_ptr<Trainer> make_trainer(const RunParts& parts);
/// What is about to run, in a few log lines.
void describe(const RunParts& parts);

}  // namespace vicinity
