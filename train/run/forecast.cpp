#include "train/run/forecast.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "core/runtime/cpu.h"

namespace vicinity {
namespace {

// Of the loader (data/loader.h): batches in its queue and one handed over.
constexpr int64_t kBatchesAhead = 5;
// A decoded photograph and what it is resized through, for each thread.
constexpr size_t kPictureBytes = size_t{4} << 20;
// Measured: heaps of all threads; code that oneDNN writes for the products of blocks of one width,
// their scratch and that of other kernels.
constexpr size_t kHeaps = size_t{8} << 20, kEachWidth = size_t{4} << 20;
// cublasLt's workspace (core/runtime/cuda.cpp); tables, and what a recorded step is given anew.
constexpr size_t kCudaLibraries = size_t{33} << 20;

size_t loader_bytes(const RunConfig& config, const DataCounts& counts) {
  const auto side = static_cast<size_t>(config.data.transform.image_size);
  const auto queued = [&](int64_t images, int64_t batch) {
    const auto channels = static_cast<size_t>(config.data.transform.channels());
    return static_cast<size_t>(std::min(images, batch)) * channels * side * side * kBatchesAhead;
  };
  const int threads =
      config.data.loader_threads > 0 ? config.data.loader_threads : available_cores();
  return queued(counts.train, config.train.batch) +
         queued(counts.val, std::min<int64_t>(config.train.micro_batch, 256)) +
         static_cast<size_t>(threads) * kPictureBytes;
}

// Whether training goes on while a checkpoint is written, as far as that is known.
bool saves_on_the_way(const TrainConfig& train, const Length& length) {
  if (length.steps == 0) return true;
  const bool evaluates =
      train.eval_every > 0 && train.eval_every * static_cast<double>(length.steps_per_epoch) <
                                  static_cast<double>(length.steps);
  return evaluates || (train.save_every > 0 && train.save_every < length.steps);
}

}  // namespace

size_t library_bytes(const RunConfig& config, Device device) {
  if (device == kCuda) return kCudaLibraries;
  const ModelConfig& model = config.model.architecture;
  const auto widths = static_cast<size_t>(model.family == "dinat" ? model.dinat.levels() : 1);
  return kHeaps + widths * kEachWidth;
}

size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

size_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<size_t>(usage.ru_maxrss) << 10;
}

Forecast forecast(const RunConfig& config, const DataCounts& counts) {
  Forecast result;
  const bool cuda = device_of(config.device) == kCuda;
  if (!cuda) result.memory.program = resident_bytes();
  result.step = plan_step(config, std::min(config.train.micro_batch, config.train.batch));
  result.memory.libraries = library_bytes(config, cuda ? kCuda : kCpu);
  if (counts.train > 0) {
    result.length = length_of(config.train, counts.train);
    if (!cuda) result.memory.loader = loader_bytes(config, counts);
  }
  result.memory.tensors = cuda ? result.step.extent
                          : saves_on_the_way(config.train, result.length)
                              ? result.step.extent_saving
                              : result.step.extent_saved;
  const auto batch = static_cast<double>(config.train.batch);
  result.epoch_flops = result.step.step_flops / batch * static_cast<double>(counts.train);
  result.checkpoint_bytes =
      sizeof(float) * static_cast<size_t>(result.step.parameters + result.step.optimiser_numbers);
  result.disk_bytes = result.checkpoint_bytes * static_cast<size_t>(config.train.keep_last + 2);
  return result;
}

}  // namespace vicinity
