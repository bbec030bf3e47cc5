#include "train/run/divergence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/files.h"
#include "core/base/log.h"
#include "data/image/sheet.h"
#include "models/weights/safetensors.h"
#include "train/run/replay.h"

namespace vicinity {
namespace {

constexpr int64_t kExplained = 10;  // bad steps of a run that are replayed and saved
constexpr int64_t kOnSheet = 64;

const std::string& class_of(const RunParts& parts, const TrainBatch& batch, size_t i) {
  const auto label = static_cast<size_t>(batch.labels.data<int32_t>()[i]);
  return parts.data.train->class_names()[label];
}

nlohmann::ordered_json step_json(const RunParts& parts, const TrainBatch& batch,
                                 const std::string& what, const ReplayFinding& finding) {
  nlohmann::ordered_json samples = nlohmann::json::array();
  for (size_t i = 0; i < batch.indices.size(); ++i) {
    const double loss = i < finding.losses.size() ? finding.losses[i] : 0;
    nlohmann::ordered_json sample{{"name", parts.data.train->name(batch.indices[i])},
                                  {"class", class_of(parts, batch, i)}};
    sample["loss"] = std::isfinite(loss) ? nlohmann::ordered_json(loss) : nullptr;
    samples.push_back(sample);
  }
  return {{"step", parts.steps_done() + 1},
          {"seed", parts.config.seed},
          {"what", what},
          {"found", finding.text},
          {"samples", samples}};
}

void draw_sheet(const RunParts& parts, const TrainBatch& batch, const std::string& path) {
  std::vector<SheetEntry> entries;
  const auto height = static_cast<int>(batch.images.dim(1)),
             width = static_cast<int>(batch.images.dim(2));
  for (int64_t i = 0; i < std::min(kOnSheet, batch.images.dim(0)); ++i) {
    Image image(width, height);
    const uint8_t* pixels = batch.images.slice(i, i + 1).data<uint8_t>();
    for (size_t k = 0; k < image.rgb.size(); ++k)
      image.rgb[k] = batch.images.dim(3) == 3 ? pixels[k] : pixels[k / 3];
    entries.push_back({std::move(image), "", class_of(parts, batch, static_cast<size_t>(i))});
  }
  write_sheet(entries, path);
}

// Of the whole batch, of which each rank has a part.
Tensor images_of_ranks(const RunParts& parts, const TrainBatch& batch) {
  if (parts.comm == nullptr) return batch.images;
  std::string bytes;
  for (const std::string& part :
       parts.comm->all_gather_texts({batch.images.raw(), batch.images.bytes()}))
    bytes += part;
  Shape shape = batch.images.shape();
  shape.set(0, batch.labels.dim(0));
  Tensor all = empty(shape, DType::u8);
  VIC_ASSERT(bytes.size() == all.bytes(), bytes.size(), " bytes for ", all.shape());
  std::copy(bytes.begin(), bytes.end(), all.raw());
  return all;
}

}  // namespace

std::string Divergence::explain(const TrainBatch& batch, const std::string& what) {
  const ReplayFinding finding = replay_step(parts_, batch);
  const Tensor images = images_of_ranks(parts_, batch);
  if (!parts_.is_first()) return finding.text;
  const std::string folder = directory_.file(str("nan_step_", parts_.steps_done() + 1));
  try {
    make_directories(folder);
    write_safetensors(folder + "/batch.safetensors",
                      {{"images", images}, {"labels", batch.labels}});
    draw_sheet(parts_, {images, batch.labels, batch.indices}, folder + "/sheet.png");
    write_file_atomically(folder + "/step.json",
                          step_json(parts_, batch, what, finding).dump(2) + "\n");
  } catch (const IoError& error) {
    log_warning("the batch of this step was not saved: ", error.message());
    return finding.text;
  }
  return str(finding.text, "\n  The batch is in ", folder,
             ". Resuming meets it again, unless optim.lr or train.on_nan is changed");
}

// False: there is nothing to go back to.
bool Divergence::leave_out() {
  const int64_t step = parts_.steps_done() + 1;
  if (parts_.config.train.on_nan == "rollback") {
    const std::optional<int64_t> back = saving_.roll_back();
    if (!back) return false;
    log_warning("step ", step, ": weights and moments are those of step ", *back,
                " again; training goes on with the batch of step ", step + 1);
  }
  ++state_.left_out;
  ++state_.out_in_row;
  log_warning("the update of step ", step, " is left out, number ", state_.left_out,
              " of this run");
  parts_.trainer->set_steps_done(step);
  return true;
}

StepReport Divergence::handle(const TrainBatch& batch, DivergedError error) {
  const TrainConfig& train = parts_.config.train;
  const bool stop = train.on_nan == "stop", limit = state_.out_in_row >= train.nan_limit;
  if (stop || limit || state_.left_out < kExplained)
    log_warning(error.message(), "\n  First not finite: ", explain(batch, error.message()));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const StepReport report{parts_.steps_done() + 1, nan, 0, nan, parts_.trainer->knobs()};
  if (!stop && !limit && leave_out()) return report;
  if (limit && !stop)
    error.add_context(str("leaving out steps, of which train.nan_limit = ", train.nan_limit,
                          " in a row have been"));
  if (!limit && !stop)
    error.add_context("rolling back, for which no checkpoint was written yet (train.save_every)");
  throw error;  // NOLINT: with what was added
}

}  // namespace vicinity
