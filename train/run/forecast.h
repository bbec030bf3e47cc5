// What a run will take, said before it: memory, arithmetic, disk.
#pragma once

#include "train/run/setup.h"
#include "train/run/step_on_paper.h"

namespace vicinity {

/// Images that a run has; without data only what a step takes can be said.
struct DataCounts {
  int64_t train = 0, val = 0;
};

/// Peak memory of a training run, bytes. On a GPU its memory, of which the process takes the
/// tensors alone.
struct MemoryForecast {
  size_t program = 0;    // code, libraries, lists of files: this process as it is
  size_t tensors = 0;    // weights, gradients, optimiser, what a leaf keeps, two batches, what a
                         // checkpoint is written from, with gaps
  size_t loader = 0;     // batches in preparation, pictures being decoded
  size_t libraries = 0;  // what oneDNN (or cuBLAS) makes for itself
  size_t total() const { return program + tensors + loader + libraries; }
};

struct Forecast {
  StepOnPaper step;
  MemoryForecast memory;
  Length length;                // 0 steps an epoch without data
  double epoch_flops = 0;       // of training, without evaluation
  size_t checkpoint_bytes = 0;  // of one
  size_t disk_bytes = 0;        // keep_last, the best, and the one that is being written
};

/// Of a configuration whose labels are those of the data. Nothing is computed.
Forecast forecast(const RunConfig& config, const DataCounts& counts);

/// What libraries hold beside tensors on the device.
size_t library_bytes(const RunConfig& config, Device device);

/// What the process holds in memory now, and most since its start, bytes.
size_t resident_bytes();
size_t peak_resident_bytes();

}  // namespace vicinity
