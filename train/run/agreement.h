// What ranks must have in common, compared before they train.
#pragma once

#include <string>
#include <vector>

#include "core/comm/communicator.h"
#include "train/run/parts.h"

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
/// machine: what lies there is compared; the program, byte for byte; oneDNN; the instruction set.
std::vector<Fact> facts_of_start(const RunConfig& config);
/// The images (names, labels, sizes) and the weights that training begins with, by checksum; the
/// dtype of activations.
std::vector<Fact> facts_of_parts(const RunParts& parts);

}  // namespace vicinity
