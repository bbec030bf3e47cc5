#include "train/probe/feature_identity.h"

#include <algorithm>
#include <filesystem>

#include "core/config/config_dump.h"
#include "core/ops/transfer.h"
#include "core/runtime/cpu.h"
#include "train/probe/checksum.h"
#include "train/run/setup.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

// What a file says of itself without being read; nothing where the images lie in one file.
void add_stamp(Checksum& sum, const std::string& path) {
  std::error_code failed;
  const auto bytes = fs::file_size(path, failed);
  if (failed) return;
  sum.add(bytes);
  sum.add(static_cast<uint64_t>(fs::last_write_time(path, failed).time_since_epoch().count()));
}

// Those that lie in the folder itself, as IDX files do, by name.
std::vector<std::string> plain_files(const std::string& folder) {
  std::vector<std::string> files;
  if (!fs::is_directory(folder)) return files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Threads change no bit, so they are no part of it.
std::string device_text(Device device) {
  return device == kCpu ? name_of(cpu().isa()) : describe_device(device);
}

// Of every parameter but the classifier's.
uint64_t backbone_checksum(const Model& model) {
  const Tensor values = to_device(model.store().value(), kCpu);
  Checksum sum;
  for (const Published& p : model.store().published()) {
    if (p.name.find("classifier.") == 0) continue;
    const Tensor part = values.slice(p.offset, p.offset + p.size());
    sum.add({part.raw(), part.bytes()});
  }
  return sum.value();
}

}  // namespace

std::string feature_identity(const Model& model, const Source& source, const FeatureSettings& s) {
  Checksum files;
  for (int64_t i = 0; i < source.size(); ++i) add_stamp(files, source.name(i));
  add_stamp(files, s.root);
  for (const std::string& file : plain_files(s.root)) add_stamp(files, file);
  Checksum all;
  ModelConfig architecture = model.config();
  TransformConfig transform = s.transform;
  for (const std::string& part :
       {dump_config(architecture), dump_config(transform), source.fingerprint(), files.text(),
        str(s.upright, " ", s.act, " ", device_text(model.store().value().device()), " ", s.blocks,
            " ", s.batch)})
    all.add(part);
  all.add(backbone_checksum(model));
  return all.text();
}

}  // namespace vicinity
