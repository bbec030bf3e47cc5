// vicinity embed: what a model computes of images, as arrays for others.
#include <zlib.h>

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/base/log.h"
#include "core/runtime/cpu.h"
#include "train/cli/embed_outputs.h"
#include "train/cli/embedding_file.h"
#include "train/cli/image_list.h"
#include "train/cli/image_model.h"
#include "train/cli/list_progress.h"
#include "train/cli/verbs.h"
#include "train/run/setup.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

// Everything that a row depends on, but for the contents of images.
std::string identity_of(const LoadedModel& loaded, const std::string& outputs,
                        const std::vector<QuerySource>& sources) {
  const std::string& weights = loaded.described.path;
  const bool file = fs::is_regular_file(weights);
  uLong names = crc32(0, nullptr, 0);
  for (const QuerySource& source : sources) {
    names =
        crc32_z(names, reinterpret_cast<const Bytef*>(source.name.c_str()), source.name.size() + 1);
  }
  return nlohmann::json{
      {"weights", fs::absolute(weights).string()},
      {"bytes", file ? fs::file_size(weights) : 0},
      {"written", file ? fs::last_write_time(weights).time_since_epoch().count() : 0},
      {"config", dump_run_config(loaded.config)},
      {"outputs", outputs},
      {"images", sources.size()},
      {"names", names}}
      .dump();
}

// Neighbours of one size go through the model together. Returns how many could not be used.
size_t embed(ImageModel& model, const std::vector<Query>& queries, EmbeddingFile& file) {
  size_t failed = 0;
  for (size_t begin = 0; begin < queries.size();) {
    if (!queries[begin].error.empty()) {
      log_line(LogLevel::error, queries[begin++].error);
      file.add_failure();
      ++failed;
      continue;
    }
    const size_t end = end_of_one_size(queries, begin);
    const auto alike = std::span(queries).subspan(begin, end - begin);
    file.add(named_outputs(model.outputs(alike), model.model().config()), alike);
    begin = end;
  }
  return failed;
}

void check_arguments(const Arguments& arguments) {
  VIC_CHECK(UsageError, arguments.positional.size() >= 2 && arguments.has("--out"),
            "vicinity embed takes a run or model directory, images or folders, and --out FILE");
}

void tell_fresh_norms(const LoadedModel& loaded) {
  const ModelConfig& config = loaded.config.model.architecture;
  if (config.family != "dinat" || !config.backbone.built) return;
  const WeightContents contents(loaded.directory);
  for (const int stage : config.feature_stages()) {
    if (contents.has("hidden_states_norms." + stage_name(stage) + ".weight")) continue;
    log_info("'", contents.path(), "' was not saved by a backbone: features.", stage_name(stage),
             " are normalised without weights, as in transformers");
  }
}

}  // namespace

int embed_verb(const Arguments& arguments) {
  check_arguments(arguments);
  LoadedModel loaded =
      load_model_config(arguments.positional[0], arguments.all("--config"), arguments.overrides);
  if (loaded.config.threads > 0) cpu().set_threads(loaded.config.threads);
  ModelConfig& architecture = loaded.config.model.architecture;
  check_channels(architecture);
  const std::string words = arguments.get("--outputs", "pooled");
  const OutputRequest request = parse_outputs(words, architecture);
  const bool classifier = has_classifier(loaded);
  VIC_CHECK(DataError, classifier || !request.logits, "'", loaded.directory,
            "' has no classifier, so there are no logits");
  const std::vector<QuerySource> sources = file_queries(
      list_images({arguments.positional.begin() + 1, arguments.positional.end()}, std::cin),
      loaded.config.data.source.exif == "apply");
  VIC_CHECK(DataError, !sources.empty(), "no images: the list is empty");
  EmbeddingFile file(arguments.get("--out"), identity_of(loaded, words, sources),
                     arguments.has("--overwrite"), sources,
                     classifier ? architecture.labels : std::vector<std::string>{});
  tell_fresh_norms(loaded);
  ImageModel model(loaded, request);
  const auto batch = static_cast<size_t>(arguments.number("--batch", 16, 1));
  ListProgress progress(sources.size(), file.done());
  size_t failed = 0;
  for (size_t begin = file.done(); begin < sources.size(); begin += batch) {
    const size_t end = std::min(sources.size(), begin + batch);
    failed +=
        embed(model, read_queries(sources, begin, end, loaded.config.data.transform, 0), file);
    file.commit();
    progress.show(end);
  }
  log_progress("");
  file.finish();
  log_info("wrote ", sources.size(), " rows to ", arguments.get("--out"));
  VIC_CHECK(DataError, failed == 0, failed, " of ", sources.size(),
            " images could not be used; each is named above, its row is NaN and its ok 0");
  return 0;
}

}  // namespace vicinity
