#include "train/checkpoint_write.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "models/weights/safetensors.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStep = "step_";
constexpr const char* kTemporary = "tmp.";
constexpr const char* kState = "state.json";

std::vector<std::string> entries(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// A folder of another name that has a state.json may be the only whole checkpoint: it stays until
// there is a newer one.
void remove_temporaries(const std::string& folder, bool whole_ones_too, FileSystem& system) {
  for (const std::string& name : entries(folder)) {
    const std::string path = folder + "/" + name;
    if (starts_with(name, kTemporary) && (whole_ones_too || !fs::exists(path + "/" + kState)))
      remove_directory(path, kState, system);
  }
}

FileSum write_one(const std::string& folder, const CheckpointFile& file, FileSystem& system) {
  FileSum sum{file.name, 0, 0};
  FileWriter writer(folder + "/" + file.name, system);
  const auto write = [&](const void* data, size_t bytes) {
    writer.write(data, bytes);
    sum.crc32 = add_to_crc32(sum.crc32, data, bytes);
    sum.bytes += bytes;
  };
  write(file.text.data(), file.text.size());
  for (const Tensor& tensor : file.tensors) write(tensor.raw(), tensor.bytes());
  writer.finish();
  return sum;
}

void write_files(const std::string& folder, const Checkpoint& checkpoint, FileSystem& system) {
  make_directory(folder, system);
  StateFile state{checkpoint.state, {}};
  for (const CheckpointFile& file : checkpoint.files)
    state.files.push_back(write_one(folder, file, system));
  for (const std::string& path : checkpoint.records) sync_file(path, system);
  write_one(folder, {kState, state_text(state), {}}, system);
  sync_directory(folder, system);
}

// Where step_N exists it steps aside first, whole, and is found under its other name (read.h).
void put_in_place(const std::string& folder, const std::string& temporary, const std::string& name,
                  FileSystem& system) {
  if (fs::exists(folder + "/" + name)) {
    const std::string aside = free_name(folder, kTemporary + ("old_" + name));
    rename_durably(folder + "/" + name, folder + "/" + aside, system);
  }
  rename_durably(folder + "/" + temporary, folder + "/" + name, system);
}

void remove_quietly(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

struct Kept {
  int64_t step;
  bool due;  // false: a signal asked for it
};

void prune(const std::string& folder, const RunState& state, int keep, FileSystem& system) {
  std::vector<Kept> all;
  for (const std::string& name : entries(folder)) {
    const int64_t step = step_of_name(name);
    if (step < 0) continue;
    try {
      all.push_back({step, read_state(folder + "/" + name).state.scheduled});
    } catch (const DataError&) {
      // Damaged since it was written: no reason to end a run that is well. It stays as it is.
    }
  }
  std::sort(all.begin(), all.end(), [](const Kept& a, const Kept& b) { return a.step > b.step; });
  int newer = 0;
  for (const Kept& one : all) {
    const bool stays = one.due && newer++ < keep;
    if (stays || one.step == state.step || one.step == state.best_step) continue;
    const std::string aside = free_name(folder, kTemporary + ("gone_" + name_of_step(one.step)));
    rename_durably(folder + "/" + name_of_step(one.step), folder + "/" + aside, system);
    remove_directory(folder + "/" + aside, kState, system);
  }
}

}  // namespace

uint64_t CheckpointFile::bytes() const {
  uint64_t sum = text.size();
  for (const Tensor& tensor : tensors) sum += tensor.bytes();
  return sum;
}

CheckpointFile safetensors_file(const std::string& name, const std::vector<NamedTensor>& tensors) {
  CheckpointFile file{name, safetensors_header(tensors), {}};
  for (const NamedTensor& t : tensors) file.tensors.push_back(t.tensor);
  return file;
}

std::string name_of_step(int64_t step) { return kStep + std::to_string(step); }

int64_t step_of_name(const std::string& name) {
  const std::string digits = starts_with(name, kStep) ? name.substr(std::strlen(kStep)) : "";
  const bool number = !digits.empty() && digits.size() < 19 &&
                      digits.find_first_not_of("0123456789") == std::string::npos;
  return number ? std::stoll(digits) : -1;
}

std::string free_name(const std::string& folder, const std::string& name) {
  std::string free = name;
  for (int i = 2; fs::exists(folder + "/" + free); ++i) free = str(name, ".", i);
  return free;
}

void write_checkpoint(const std::string& folder, const Checkpoint& checkpoint, FileSystem& system) {
  remove_temporaries(folder, /*whole_ones_too=*/false, system);
  uint64_t bytes = 0;
  for (const CheckpointFile& file : checkpoint.files) bytes += file.bytes();
  const std::string name = name_of_step(checkpoint.state.step);
  const std::string temporary = free_name(folder, kTemporary + name);
  check_room(folder + "/" + temporary, bytes);
  try {
    write_files(folder + "/" + temporary, checkpoint, system);
  } catch (const Error&) {
    remove_quietly(folder + "/" + temporary);  // the room that it takes is wanted
    throw;
  }
  put_in_place(folder, temporary, name, system);
  settle(folder, checkpoint.state, checkpoint.keep, system);
}

void settle(const std::string& folder, const RunState& state, int keep, FileSystem& system) {
  replace_link(name_of_step(state.step), folder + "/last", system);
  if (state.best_step > 0 && fs::exists(folder + "/" + name_of_step(state.best_step)))
    replace_link(name_of_step(state.best_step), folder + "/best", system);
  remove_temporaries(folder, /*whole_ones_too=*/true, system);
  prune(folder, state, keep, system);
}

}  // namespace vicinity
