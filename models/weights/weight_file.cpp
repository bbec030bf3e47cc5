#include "models/weights/weight_file.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "core/base/text.h"
#include "models/weights/safetensors.h"
#include "models/weights/sharded_file.h"
#include "models/weights/torch_file.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNames[] = {"model.safetensors", "model.safetensors.index.json",
                                  "pytorch_model.bin", "pytorch_model.bin.index.json"};

// False as well for what cannot be there, such as a name of a thousand letters.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::string file_in(const std::string& directory) {
  for (const char* name : kNames) {
    const fs::path file = fs::path(directory) / name;
    if (is_there(file)) return file.string();
  }
  VIC_FAIL(DataError, "no weights in '", directory, "': it has none of ", kNames[0], ", ",
           kNames[1], ", ", kNames[2], " and ", kNames[3]);
}

std::string first_bytes(const std::string& path) {
  std::string bytes(64, '\0');
  std::ifstream file(path, std::ios::binary);
  VIC_CHECK(DataError, file.good(), "cannot open '", path, "': ", std::strerror(errno));
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(file.gcount()));
  return bytes;
}

// Behind the length of a header of less than 4 GiB stands the header. The length alone may begin
// like a pickle (0x80) or like JSON (0x7b).
bool looks_like_safetensors(std::string_view start) {
  return start.size() > 8 && start[8] == '{' &&
         start.substr(4, 4) == std::string_view("\0\0\0\0", 4);
}

// What people have in hand where they meant weights.
void refuse_lookalikes(std::string_view start, const std::string& path) {
  VIC_CHECK(DataError, !starts_with(start, "version https://git-lfs"), "'", path,
            "' is a pointer of Git LFS and not the weights; 'git lfs pull' in its folder fetches "
            "them");
  VIC_CHECK(DataError, !starts_with(start, "\x89HDF"), "'", path,
            "' is an HDF5 file, and weights are not read from those; wanted is model.safetensors "
            "or a checkpoint of PyTorch");
  VIC_CHECK(DataError, !starts_with(start, "<"), "'", path,
            "' is a web page or XML and not the weights; was the page saved instead of the file?");
  VIC_CHECK(DataError, !starts_with(start, "\x80"), "'", path,
            "' is a pickle, but not one of torch.save");
  VIC_CHECK(DataError, start.size() < 9 || start[8] == '{', "'", path,
            "' holds no weights that are read here: it begins neither as safetensors nor as what "
            "torch.save writes");
}

void refuse_ema(bool use_ema, const std::string& path) {
  VIC_CHECK(DataError, !use_ema,
            "model.use_ema chooses among the weights of a training checkpoint; '", path,
            "' holds one set of them: leave it out");
}

}  // namespace

Tensor WeightFile::read(const std::string& name) const {
  VIC_CHECK(DataError, has(name), "'", path_, "' has no tensor '", name, "'");
  return in_context("while reading '" + path_ + "'", [&] { return read_entry(name); });
}

std::unique_ptr<WeightFile> open_weight_file(const std::string& file, bool use_ema) {
  const std::string start = first_bytes(file);
  if (TorchFile::recognises(start)) return std::make_unique<TorchFile>(file, use_ema);
  refuse_ema(use_ema, file);
  if (!looks_like_safetensors(start)) refuse_lookalikes(start, file);
  return std::make_unique<SafetensorsFile>(file);
}

std::unique_ptr<WeightFile> open_weights(const std::string& path, bool use_ema) {
  VIC_CHECK(DataError, is_there(path), "no weights at '", path,
            "': there is no such file or folder");
  const std::string file = fs::is_directory(path) ? file_in(path) : path;
  const std::string start = first_bytes(file);
  if (starts_with(start, "{") && !looks_like_safetensors(start)) {
    refuse_ema(use_ema, file);
    return std::make_unique<ShardedFile>(file);
  }
  return open_weight_file(file, use_ema);
}

}  // namespace vicinity
