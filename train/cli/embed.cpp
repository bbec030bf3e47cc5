// vicinity embed: what a model computes of images, as arrays for others.
#include <zlib.h>

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/runtime/cpu.h"
#include "train/cli/embed_outputs.h"
#include "train/cli/embedding_file.h"
#include "train/cli/image_list.h"
#include "train/cli/image_model.h"
#include "train/cli/list_progress.h"
#include "train/cli/on_ranks.h"
#include "train/run/agreement.h"
#include "train/run/setup.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

// Everything that a row depends on, but for the contents of images. Threads, the share of a rank,
// change none.
std::string identity_of(const LoadedModel& loaded, const std::string& outputs,
                        const std::vector<QuerySource>& sources) {
  const std::string& weights = loaded.described.path;
  const bool file = fs::is_regular_file(weights);
  RunConfig config = loaded.config;
  config.threads = config.data.loader_threads = 0;
  uLong names = crc32(0, nullptr, 0);
  for (const QuerySource& source : sources) {
    names =
        crc32_z(names, reinterpret_cast<const Bytef*>(source.name.c_str()), source.name.size() + 1);
  }
  return nlohmann::json{
      {"weights", fs::absolute(weights).string()},
      {"bytes", file ? fs::file_size(weights) : 0},
      {"written", file ? fs::last_write_time(weights).time_since_epoch().count() : 0},
      {"config", dump_run_config(config)},
      {"outputs", outputs},
      {"images", sources.size()},
      {"names", names}}
      .dump();
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

// Rank 0 alone reads standard input and folders.
std::vector<std::string> images_of(const Arguments& arguments, Communicator* comm) {
  if (is_first(comm)) {
    std::vector<std::string> files =
        list_images({arguments.positional.begin() + 1, arguments.positional.end()}, std::cin);
    std::string text;
    for (const std::string& file : files) text += file + '\0';
    if (comm != nullptr) comm->broadcast_text(text);
    return files;
  }
  std::vector<std::string> files = split(comm->broadcast_text(""), '\0');
  files.pop_back();  // what follows the last end
  return files;
}

size_t number_of_first(size_t number, Communicator& comm) {
  return static_cast<size_t>(comm.broadcast_number(static_cast<int64_t>(number)));
}

// Ranks take batches in turn, each as a process on its own would; rank 0 writes. Returns how many
// images could not be used.
size_t embed_list(ImageModel& model, const RunConfig& config,
                  const std::vector<QuerySource>& sources, size_t batch, EmbeddingFile* file,
                  Communicator* comm) {
  const size_t ranks = comm == nullptr ? 1 : static_cast<size_t>(comm->size()),
               rank = comm == nullptr ? 0 : static_cast<size_t>(comm->rank());
  size_t done = file == nullptr ? 0 : file->done(), failed = 0;
  if (comm != nullptr) done = number_of_first(done, *comm);
  ListProgress progress(sources.size(), done);
  while (done < sources.size()) {
    if (comm != nullptr) comm->doing("embedding", -1);
    const size_t begin = std::min(sources.size(), done + rank * batch),
                 end = std::min(sources.size(), begin + batch);
    std::vector<EmbeddedRows> own = embed(
        model,
        read_queries(sources, begin, end, config.data.transform, 0, config.data.loader_threads));
    for (const std::vector<EmbeddedRows>& part : gather_rows(std::move(own), comm)) {
      for (const EmbeddedRows& rows : part) {
        failed += rows.outputs.empty();
        file->add(rows);
      }
    }
    if (file != nullptr) file->commit();
    done = std::min(sources.size(), done + ranks * batch);
    progress.show(done);
  }
  log_progress("");
  if (file != nullptr) file->finish();
  return comm == nullptr ? failed : number_of_first(failed, *comm);
}

// The model as the words ask for it; ranks agree on its settings.
LoadedModel load_for(const Arguments& arguments, Communicator* comm) {
  LoadedModel loaded =
      load_model_config(arguments.positional[0], arguments.all("--config"), arguments.overrides);
  RunConfig& config = loaded.config;
  if (comm != nullptr) {
    agree_at_start(config, *comm);
    take_share(config, *comm);
  }
  if (config.threads > 0) cpu().set_threads(config.threads);
  check_channels(config.model.architecture);
  return loaded;
}

int embed_images(const Arguments& arguments, Communicator* comm) {
  check_arguments(arguments);
  LoadedModel loaded = load_for(arguments, comm);
  ModelConfig& architecture = loaded.config.model.architecture;
  const std::string words = arguments.get("--outputs", "pooled");
  const OutputRequest request = parse_outputs(words, architecture);
  const bool classifier = has_classifier(loaded);
  VIC_CHECK(DataError, classifier || !request.logits, "'", loaded.directory,
            "' has no classifier, so there are no logits");
  const std::vector<QuerySource> sources =
      file_queries(images_of(arguments, comm), loaded.config.data.source.exif == "apply");
  VIC_CHECK(DataError, !sources.empty(), "no images: the list is empty");
  std::optional<EmbeddingFile> file;
  if (is_first(comm)) {
    file.emplace(arguments.get("--out"), identity_of(loaded, words, sources),
                 arguments.has("--overwrite"), sources,
                 classifier ? architecture.labels : std::vector<std::string>{});
  }
  tell_fresh_norms(loaded);
  ImageModel model(loaded, request, comm);
  if (comm != nullptr) agree(*comm, {fact_of_weights(model.model())});
  const auto batch = static_cast<size_t>(arguments.number("--batch", 16, 1));
  const size_t failed =
      embed_list(model, loaded.config, sources, batch, file ? &*file : nullptr, comm);
  log_info("wrote ", sources.size(), " rows to ", arguments.get("--out"));
  if (failed == 0) return 0;
  if (is_first(comm))
    log_line(LogLevel::error,
             str(failed, " of ", sources.size(),
                 " images could not be used; each is named above, its row is NaN and its ok 0"));
  return static_cast<int>(ExitCode::data);
}

}  // namespace

int embed_verb(const Arguments& arguments) { return run_on_ranks(arguments, embed_images); }

}  // namespace vicinity
