#include "train/run/saving.h"

#include <memory>

#include "core/base/files.h"
#include "core/base/log.h"
#include "core/ops/elementwise.h"
#include "core/ops/transfer.h"
#include "core/runtime/profile.h"
#include "data/transforms/processor.h"
#include "models/weights/config_json.h"
#include "train/optim/averaging.h"
#include "train/run/agreement.h"

namespace vicinity {
namespace {

// In memory of its own on the CPU, so that training may go on.
Tensor host_copy(const Tensor& flat) {
  if (flat.device() != kCpu) return to_device(flat, kCpu);
  Tensor copy = empty_like(flat);
  copy_(copy, flat);
  return copy;
}

void check_same_run(const RunState& state, const RunParts& parts) {
  VIC_CHECK(DataError, state.data_fingerprint == parts.data.train->fingerprint(),
            "the training images are not those that this run was started with (their names, labels "
            "or number differ); point data.root at the old ones, or start a new run with "
            "model.weights=RUN");
  VIC_CHECK(ConfigError, state.activations == str(parts.act), "this run has computed in ",
            state.activations, " so far, here it would go on in ", parts.act,
            "; train.precision=", state.activations == "bf16" ? "bf16" : "fp32", " continues it");
  if (!state.val_fingerprint.empty() && state.val_fingerprint != parts.data.val->fingerprint())
    log_warning(
        "the validation images are not those of this run so far (their names, labels or number "
        "differ): accuracies before and after this are of different images");
  if (state.hardware != hardware_name(parts.device)) {
    log_warning("this run was computed on ", state.hardware, " so far and goes on on ",
                hardware_name(parts.device), ": from here its bits are others");
  }
}

}  // namespace

Saving::Saving(RunParts& parts, const RunDirectory& directory, RunState& state)
    : parts_(parts), state_(state), folder_(directory.file("checkpoints")) {
  if (parts.is_first()) make_directories(folder_);
}

// What rank 0 finds, which alone reads and writes checkpoints.
std::optional<FoundCheckpoint> Saving::find_newest(
    const std::function<bool(const RunState&)>& wanted) const {
  std::optional<FoundCheckpoint> found;
  if (parts_.is_first()) found = newest_checkpoint(folder_, wanted);
  if (parts_.comm == nullptr) return found;
  const std::string path = parts_.comm->broadcast_text(found ? found->path : "");
  if (path.empty()) return std::nullopt;
  const std::string state =
      parts_.comm->broadcast_text(found ? state_text({found->state, {}}) : "");
  return FoundCheckpoint{path, parse_state(state).state};
}

void Saving::load_on_ranks(const FoundCheckpoint& found) {
  Tensor& weights = parts_.model->store().value();
  std::map<std::string, Tensor> whole;
  if (parts_.is_first()) {
    for (const auto& [kind, shard] : parts_.optimizer->state())
      whole[kind] = zeros(weights.shape(), shard.dtype(), weights.device());
    load_checkpoint(found.path, *parts_.model, whole);
  }
  parts_.ranks->broadcast(weights);
  for (auto [kind, shard] : parts_.optimizer->state()) parts_.ranks->distribute(whole[kind], shard);
}

void Saving::load(const FoundCheckpoint& found) {
  if (parts_.ranks) {
    load_on_ranks(found);
  } else {
    load_checkpoint(found.path, *parts_.model, parts_.optimizer->state());
  }
  if (parts_.optimizer->average().defined())  // it was saved as the model
    exchange_average(parts_.model->store(), parts_.optimizer->average(), parts_.ranks.get());
  parts_.model->store().refresh_copies();
}

std::optional<FoundCheckpoint> Saving::find() const {
  return find_newest([](const RunState&) { return true; });
}

void Saving::restore(const FoundCheckpoint& found) {
  check_same_run(found.state, parts_);
  VIC_CHECK(ConfigError, found.state.step <= parts_.length.steps, "this run has done ",
            found.state.step, " steps, train.steps or train.epochs ask for ", parts_.length.steps,
            "; a run cannot be made shorter than it is");
  load(found);
  state_ = found.state;
  parts_.trainer->set_steps_done(state_.step);
  saved_at_ = state_.step;
  if (parts_.is_first()) settle(folder_, state_, parts_.config.train.keep_last);
}

std::optional<int64_t> Saving::roll_back() {
  wait();
  const auto found = find_newest([](const RunState& s) { return s.scheduled; });
  if (!found) return std::nullopt;
  load(*found);
  return found->state.step;
}

bool Saving::due(int64_t steps) const {
  const int64_t every = parts_.config.train.save_every;
  return every > 0 && steps % every == 0;
}

// On rank 0, which the others send theirs.
std::vector<NamedTensor> Saving::moments() const {
  std::vector<NamedTensor> all;
  for (const auto& [kind, flat] : parts_.optimizer->state()) {
    const Tensor copy =
        parts_.ranks ? to_device(parts_.ranks->collect(flat), kCpu) : host_copy(flat);
    if (!copy.defined()) continue;
    for (NamedTensor& t : parts_.model->store().publish(copy))
      all.push_back({kind + "/" + t.name, std::move(t.tensor)});
  }
  return all;
}

Checkpoint Saving::snapshot(const std::vector<std::string>& records) const {
  const AverageInUse in_use(parts_.model->store(), *parts_.optimizer, parts_.ranks.get());
  const Model& model = *parts_.model;
  Checkpoint checkpoint{state_, {}, records, parts_.config.train.keep_last};
  checkpoint.files = {
      safetensors_file("model.safetensors",
                       model.store().publish(host_copy(model.store().value()))),
      safetensors_file("optimizer.safetensors", moments()),
      {"config.json", config_json_text(model.config(), {"float32", true}), {}},
      {"preprocessor_config.json", processor_text(parts_.config.data.transform), {}}};
  return checkpoint;
}

void Saving::save(const std::vector<std::string>& records, bool scheduled) {
  parts_.doing("checkpoint");
  const auto start = std::chrono::steady_clock::now();
  state_.step = parts_.steps_done();
  state_.seed = parts_.config.seed;
  state_.scheduled = scheduled;
  if (scheduled && parts_.config.train.on_nan == "rollback") state_.out_in_row = 0;
  state_.data_fingerprint = parts_.data.train->fingerprint();
  state_.val_fingerprint = parts_.data.val->fingerprint();
  state_.activations = str(parts_.act);
  state_.hardware = hardware_name(parts_.device);
  if (parts_.comm != nullptr) check_alike(*parts_.comm, *parts_.model, state_.step);
  background_.wait();  // before the memory for another one is taken
  const auto checkpoint = std::make_shared<Checkpoint>(snapshot(records));
  if (parts_.comm != nullptr) parts_.comm->barrier();  // what a dying rank sent may be torn
  if (parts_.is_first())
    background_.start("writing the checkpoint " + folder_ + "/" + name_of_step(state_.step),
                      [this, checkpoint] { write_checkpoint(folder_, *checkpoint); });
  saved_at_ = state_.step;
  ++count_;
  waited_ += seconds_since(start);
}

void Saving::wait() {
  const auto start = std::chrono::steady_clock::now();
  background_.wait();
  waited_ += seconds_since(start);
}

}  // namespace vicinity
