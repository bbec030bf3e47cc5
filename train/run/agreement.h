// What ranks must have in common, compared before they train.
#pragma once

#include <string>
#include <vector>

#include "core/comm/communicator.h"
#include "data/source/open.h"
#include "models/model.h"
#include "train/run_config.h"

namespace vicinity {

/// Something that every rank must have alike, and what it means where they do not.
struct Fact {
  enum class About { settings, machine, data };  // exit codes 2, 4, 3

  About about = About::settings;
  std::string name, value;
};

/// The same error on every rank where they differ: it names the first fact that differs, with both
/// values and ranks. ConfigError, DeviceError or DataError.
void agree(Communicator& comm, const std::vector<Fact>& facts);

/// Every setting but those that change no bit (threads) and paths, which may differ from machine to
/// machine: what lies there is compared; the program, byte for byte; oneDNN; the instruction set;
/// libraries that decode images and compute.
std::vector<Fact> facts_of_start(const RunConfig& config);
/// Before anything is written: ranks agree on those, and take over train.rank_timeout.
void agree_at_start(const RunConfig& config, Communicator& comm);

/// The device, its model where it is a GPU, and the NCCL that GPUs speak.
std::vector<Fact> facts_of_device(Device device);
/// The weights that the work begins with, by checksum.
Fact fact_of_weights(const Model& model);
/// Those, the images (names, labels, their number), by checksum, and the dtype of activations.
std::vector<Fact> facts_of_parts(const DataSets& data, const Model& model, DType act);

/// Every step gives all ranks the same weights. CommError on every rank where one has others than
/// rank 0, with both values: a fault of memory or of what carries messages. Costs a look at all.
void check_alike(Communicator& comm, const Model& model, int64_t step);

}  // namespace vicinity
