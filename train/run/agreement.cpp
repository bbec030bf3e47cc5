#include "train/run/agreement.h"

#include <link.h>
#include <oneapi/dnnl/dnnl.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/base/files.h"
#include "core/base/text.h"
#include "core/comm/nccl_stream.h"
#include "core/config/field_text.h"
#include "core/ops/transfer.h"
#include "core/runtime/on_device.h"
#include "train/probe/checksum.h"

namespace vicinity {
namespace {

using About = Fact::About;

bool may_differ(const std::string& key) {
  static const std::vector<std::string> keys = {
      "threads", "data.loader_threads", "data.root", "data.train", "data.val", "model.weights"};
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

std::string checksum_of(std::string_view bytes) {
  Checksum sum;
  sum.add(bytes);
  return sum.text();
}

// One fact a line; values are lines already.
std::string lines_of(const std::vector<Fact>& facts) {
  std::string text;
  for (const Fact& fact : facts) text += fact.name + " " + fact.value + "\n";
  return text;
}

int add_path(dl_phdr_info* library, size_t, void* paths) {
  static_cast<std::vector<std::string>*>(paths)->emplace_back(library->dlpi_name);
  return 0;
}

// Those besides oneDNN that decode images and compute, byte for byte; of cublasLt, which is too
// large for that, the file's name, which tells the version. What is linked statically is a part of
// the program.
std::vector<Fact> facts_of_libraries() {
  std::vector<std::string> paths;
  dl_iterate_phdr(add_path, &paths);
  std::vector<Fact> facts;
  for (const std::string& path : paths) {
    const std::string name = std::filesystem::path(path).filename().string();
    for (const char* wanted : {"libjpeg.so", "libpng", "libwebp.so", "libm.so"})
      if (starts_with(name, wanted))
        facts.push_back(
            {About::machine, name + " with the checksum", checksum_of(read_file(path))});
    if (starts_with(name, "libcublasLt.so"))
      facts.push_back({About::machine, name, std::filesystem::canonical(path).filename().string()});
  }
  return facts;
}

[[noreturn]] void refuse(About about, const std::string& text) {
  if (about == About::settings) VIC_FAIL(ConfigError, text);
  if (about == About::machine) VIC_FAIL(DeviceError, text);
  VIC_FAIL(DataError, text);
}

}  // namespace

void agree(Communicator& comm, const std::vector<Fact>& facts) {
  const std::vector<std::string> texts = comm.all_gather_texts(lines_of(facts));
  const std::vector<std::string> first = split(texts[0], '\n');
  for (size_t r = 1; r < texts.size(); ++r) {
    const std::vector<std::string> other = split(texts[r], '\n');
    for (size_t i = 0; i < std::max(first.size(), other.size()); ++i) {
      const std::string a = i < first.size() ? first[i] : "", b = i < other.size() ? other[i] : "";
      if (a == b) continue;
      const About about = i < facts.size() ? facts[i].about : About::settings;
      refuse(about, str("ranks differ: rank 0 has ", a, ", rank ", r, " has ", b,
                        "; every rank needs the same program, settings, images and weights"));
    }
  }
}

std::vector<Fact> facts_of_start(const RunConfig& config) {
  RunConfig copy = config;
  std::vector<Fact> facts;
  const FieldList fields = fields_of(copy);
  for (const FieldRef& field : fields.fields())
    if (!may_differ(field.path)) facts.push_back({About::settings, field.path, field_text(field)});
  const dnnl_version_t* dnnl = dnnl_version();
  facts.push_back(
      {About::machine, "a program with the checksum", checksum_of(read_file("/proc/self/exe"))});
  facts.push_back({About::machine, "oneDNN", str(dnnl->major, ".", dnnl->minor, ".", dnnl->patch)});
  facts.push_back({About::machine, "the instruction set", name_of(cpu_isa())});
  for (Fact& fact : facts_of_libraries()) facts.push_back(std::move(fact));
  return facts;
}

void agree_at_start(const RunConfig& config, Communicator& comm) {
  agree(comm, facts_of_start(config));
  comm.set_timeout(config.train.rank_timeout);
}

std::vector<Fact> facts_of_device(Device device) {
  std::vector<Fact> facts = {{About::machine, "the device", str(device)}};
  if constexpr (kCudaBuilt) {
    if (device == kCuda) {
      facts.push_back({About::machine, "the GPU", cuda().info().name});
      facts.push_back({About::machine, "NCCL", nccl_version()});
    }
  }
  return facts;
}

Fact fact_of_weights(const Model& model) {
  const Tensor weights = to_device(model.store().value(), kCpu);
  return {About::data, "weights with the checksum", checksum_of({weights.raw(), weights.bytes()})};
}

std::vector<Fact> facts_of_parts(const DataSets& data, const Model& model, DType act) {
  return {
      {About::machine, "activations in", str(act)},
      {About::data, "training images with the checksum", checksum_of(data.train->fingerprint())},
      {About::data, "validation images with the checksum", checksum_of(data.val->fingerprint())},
      fact_of_weights(model)};
}

void check_alike(Communicator& comm, const Model& model, int64_t step) {
  const std::vector<std::string> sums = comm.all_gather_texts(fact_of_weights(model).value);
  for (size_t r = 1; r < sums.size(); ++r)
    VIC_CHECK(CommError, sums[r] == sums[0], "rank ", r, " has diverged: after step ", step,
              " its weights have the checksum ", sums[r], ", those of rank 0 ", sums[0],
              "; they are not saved. The memory of one of the two, or what carries their messages, "
              "is not to be trusted");
}

}  // namespace vicinity
