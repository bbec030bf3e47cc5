// vicinity export: a model in the form that others read.
#include <iostream>

#include "core/base/text.h"
#include "data/transforms/processor.h"
#include "models/registry.h"
#include "models/weights/save.h"
#include "train/cli/export_folder.h"
#include "train/cli/load_config.h"
#include "train/cli/verbs.h"
#include "train/run/setup.h"

namespace vicinity {

int export_verb(const Arguments& arguments) {
  VIC_CHECK(UsageError, arguments.positional.size() == 1 && arguments.has("--out"),
            "vicinity export takes one run or model and --out DIR");
  const NameFormat format = parse_name_format(arguments.get("--to", "hf"));
  const std::string out = arguments.get("--out");
  const LoadedModel loaded =
      load_model_config(arguments.positional[0], arguments.all("--config"), arguments.overrides);
  check_not_source(out, loaded.described.path, "--out");
  const ModelSection& section = loaded.config.model;
  const bool classifier = has_classifier(loaded);
  const DType dtype = loaded.described.dtype == "F64" ? DType::f64 : DType::f32;
  const auto model = make_model(section.architecture, dtype);
  std::cout << load_weights(*model, loaded.directory, load_options(section)).text() << "\n";
  name_rules(section.architecture.family, format, false);  // refused before anything is removed
  std::vector<std::string> files;
  write_export(out, arguments.has("--overwrite"), "--out", [&](const std::string& folder) {
    files = export_model(*model, folder, {format, classifier});
    write_processor(loaded.config.data.transform, folder);
  });
  files.emplace_back("preprocessor_config.json");
  for (const std::string& file : files) std::cout << "wrote " << out << "/" << file << "\n";
  return 0;
}

}  // namespace vicinity
