// vicinity export: a model in the form that others read.
#include <filesystem>
#include <iostream>

#include "core/base/files.h"
#include "core/base/text.h"
#include "data/transforms/processor.h"
#include "models/registry.h"
#include "models/weights/save.h"
#include "train/cli/load_config.h"
#include "train/cli/verbs.h"
#include "train/run/setup.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

// Only what an export writes is replaced.
void make_room(const std::string& out, bool overwrite) {
  const bool empty = !fs::exists(out) || (fs::is_directory(out) && fs::is_empty(out));
  VIC_CHECK(UsageError, empty || overwrite, "--out '", out,
            "' is not empty; replace what is there with --overwrite, or choose another folder");
  VIC_CHECK(UsageError, empty || fs::exists(out + "/config.json"), "--overwrite: '", out,
            "' does not look like an export (it has no config.json); remove it yourself or choose "
            "another --out");
  VIC_CHECK(UsageError, !fs::exists(out + "/checkpoints") && !fs::exists(out + "/state.json"),
            "--overwrite: '", out, "' is a run or a checkpoint; choose another --out");
  for (const char* name : {"config.json", "preprocessor_config.json", "model.safetensors",
                           "original.safetensors", "timm.safetensors", "timm_rest.safetensors"})
    fs::remove(fs::path(out) / name);
  make_directories(out);
}

}  // namespace

int export_verb(const Arguments& arguments) {
  VIC_CHECK(UsageError, arguments.positional.size() == 1 && arguments.has("--out"),
            "vicinity export takes one run or model and --out DIR");
  const NameFormat format = parse_name_format(arguments.get("--to", "hf"));
  const std::string out = arguments.get("--out");
  const LoadedModel loaded =
      load_model_config(arguments.positional[0], arguments.all("--config"), arguments.overrides);
  const ModelSection& section = loaded.config.model;
  const bool classifier = loaded.described.has_classifier || !section.head.empty();
  const DType dtype = loaded.described.dtype == "F64" ? DType::f64 : DType::f32;
  const auto model = make_model(section.architecture, dtype);
  std::cout << load_weights(*model, loaded.directory, load_options(section)).text() << "\n";
  name_rules(section.architecture.family, format, false);  // refused before anything is removed
  make_room(out, arguments.has("--overwrite"));
  for (const std::string& file : export_model(*model, out, {format, classifier}))
    std::cout << "wrote " << out << "/" << file << "\n";
  write_processor(loaded.config.data.transform, out);
  std::cout << "wrote " << out << "/preprocessor_config.json\n";
  return 0;
}

}  // namespace vicinity
