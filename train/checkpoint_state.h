// state.json of a checkpoint: where the run stands, and the checksums of the files beside it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vicinity {

/// Where a run stands. Randomness and the order of samples are functions of (seed, step), so this,
/// the weights and the optimiser's moments are all of it.
struct RunState {
  int64_t step = 0;
  uint64_t seed = 0;
  double best_top1 = -1;  // percent; -1: not evaluated yet
  int64_t best_step = 0;
  double best_score = 0;  // of train.best; more is better
  double top1 = 0;        // percent, of the last evaluation
  int64_t evaluated_step = -1;
  bool scheduled = true;         // false: saved because of a signal
  int64_t left_out = 0;          // steps whose update was left out, as it was not finite
  int64_t out_in_row = 0;        // of them, how many in a row up to here
  std::string data_fingerprint;  // of the training images
  std::string val_fingerprint;   // "" in checkpoints that older programs wrote
  std::string activations;       // dtype
  std::string hardware;          // instruction set or GPU: bits are the same on the same only
};

/// What state.json vouches for.
struct FileSum {
  std::string name;
  uint64_t bytes = 0;
  uint32_t crc32 = 0;
};

struct StateFile {
  RunState state;
  std::vector<FileSum> files;
};

/// Continues a CRC-32 (as zip's and PNG's) that starts at 0.
uint32_t add_to_crc32(uint32_t crc, const void* data, size_t bytes);

/// JSON that ends with the checksum of all before it.
std::string state_text(const StateFile& file);
/// What state_text wrote. DataError if any byte is not as it was written.
StateFile parse_state(const std::string& text);
/// FOLDER/state.json. DataError if it is not there, or any byte of it is not as it was written.
StateFile read_state(const std::string& folder);
/// DataError naming the first file of the folder that is not as its checksum says.
void check_files(const std::string& folder, const StateFile& file);

}  // namespace vicinity
