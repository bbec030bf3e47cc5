#include "train/run/parts.h"

#include <utility>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/comm/nccl.h"
#include "core/comm/nccl_devices.h"
#include "core/runtime/on_device.h"
#include "models/registry.h"
#include "train/checkpoint.h"
#include "train/optim/make_optimizer.h"
#include "train/optim/param_groups.h"
#include "train/run/agreement.h"
#include "train/run/class_weights.h"
#include "train/run/signals.h"
#include "train/tasks/classify.h"

namespace vicinity {
namespace {

void prepare_architecture(RunConfig& config, const std::vector<std::string>& classes) {
  ModelConfig& architecture = config.model.architecture;
  check_small_maps(config.model, config.data.transform.image_size);
  check_trainable(architecture);
  architecture.labels = classes;
  architecture.problem_type = "single_label_classification";
  check_image_size(architecture, config.data.transform.image_size);
}

// What model.weights lacks, such as the classifier, stays as it was drawn.
void first_weights(Model& model, const RunConfig& config) {
  model.initialise(config.seed, config.model.init);
  if (config.model.weights.empty()) return;
  const std::string path = model_location(config.model.weights);
  log_info(load_weights(model, path, load_options(config.model)).text());
}

// What the optimiser of this rank works on. Its values count for an average alone: without one
// nothing is copied.
Tensor optimised(const RunParts& parts) {
  const Tensor& all = parts.model->store().value();
  if (parts.ranks == nullptr) return all;
  if (parts.config.train.ema > 0) return parts.ranks->own(all);
  return all.slice(0, parts.ranks->layout().shard_size(parts.comm->rank()));
}

// What carries tensors from GPU to GPU; nothing for ranks on CPUs.
std::unique_ptr<DeviceCollectives> connect_devices(Communicator& comm, Device device) {
  if constexpr (kCudaBuilt)
    if (device == kCuda) choose_device_of_rank(find_launch());
  agree(comm, facts_of_device(device));
  if constexpr (kCudaBuilt)
    if (device == kCuda) return make_nccl(comm);
  return nullptr;
}

}  // namespace

Schedule schedule_of(const RunConfig& config, const Length& length) {
  return make_schedule(config.sched, config.optim.lr, config.optim.weight_decay,
                       length.steps_per_epoch, length.steps);
}

RunParts open_parts(RunConfig config, Communicator* comm) {
  RunParts parts;
  parts.config = std::move(config);
  parts.comm = comm;
  if (comm != nullptr) take_share(parts.config, *comm);
  const RunConfig& c = parts.config;
  if (c.threads > 0) cpu().set_threads(c.threads);
  parts.data = open_data(c.data.source, c.seed);
  parts.device = device_of(c.device);
  if (comm != nullptr) parts.gpus = connect_devices(*comm, parts.device);
  parts.act = activation_dtype(c.train.precision, parts.device);
  parts.length = length_of(c.train, parts.data.train->size());
  return parts;
}

void build_parts(RunParts& parts, bool fresh) {
  RunConfig& config = parts.config;
  prepare_architecture(config, parts.data.train->class_names());
  parts.model = make_model(config.model.architecture, DType::f32, parts.device);
  if (fresh) first_weights(*parts.model, config);
  ParameterStore& store = parts.model->store();
  if (parts.act == DType::bf16) store.enable_copies();
  if (parts.comm != nullptr) {
    parts.ranks = std::make_unique<Exchange>(
        *parts.comm, store.value().size(),
        share_leaves(config.train.batch, config.train.micro_batch, parts.comm->size()),
        parts.gpus.get());
  }
  parts.optimizer = make_optimizer(config.optim, optimised(parts), config.train.ema);
  parts.task = std::make_unique<Classify>(
      *parts.model, normalization_of(config.data.transform), config.train.smoothing,
      Mixing(config.train.mixing, parts.length.steps_per_epoch),
      class_weights_of(config.train.class_weights, *parts.data.train, parts.device));
  parts.trainer = make_trainer(parts);
}

std::unique_ptr<Trainer> make_trainer(const RunParts& parts) {
  const RunConfig& config = parts.config;
  return std::make_unique<Trainer>(*parts.model, *parts.task, *parts.optimizer,
                                   trainable_ranges(*parts.model, config.optim),
                                   Trainer::Settings{.act = parts.act,
                                                     .seed = config.seed,
                                                     .micro_batch = config.train.micro_batch,
                                                     .clip_grad = config.optim.clip_grad,
                                                     .recompute = config.train.recompute == "block",
                                                     .head_dropout = config.train.head_dropout,
                                                     .cuda_graph = config.train.cuda_graph,
                                                     .schedule = schedule_of(config, parts.length),
                                                     .ranks = parts.ranks.get(),
                                                     .signal = SignalWatch::received});
}

namespace {

// "64 = 1 rank x 48 images x 2 leaves, the last of 16".
std::string batch_text(const TrainConfig& train, int ranks) {
  const int64_t leaf = std::min(train.micro_batch, train.batch),
                leaves = (train.batch + leaf - 1) / leaf, rest = train.batch % leaf,
                own = leaves / ranks;
  return str(train.batch, " = ", ranks, ranks == 1 ? " rank x " : " ranks x ", leaf,
             leaf == 1 ? " image x " : " images x ", own, own == 1 ? " leaf" : " leaves",
             rest > 0 ? str(", the last of ", rest) : "");
}

// One rate for all layers, and as high as training from scratch takes it.
bool forgets(const RunConfig& config) {
  const OptimConfig& optim = config.optim;
  return !config.model.weights.empty() && optim.name == "adamw" && optim.lr >= OptimConfig().lr &&
         optim.layer_decay == 1 && optim.freeze.empty();
}

// Classes of which no accuracy will say anything.
void warn_of_unseen_classes(const Source& val) {
  constexpr size_t kNamed = 5;
  const std::vector<std::string>& names = val.class_names();
  std::vector<bool> seen(names.size());
  for (int64_t i = 0; i < val.size(); ++i) seen[static_cast<size_t>(val.label(i))] = true;
  std::vector<std::string> unseen;
  for (size_t c = 0; c < names.size(); ++c)
    if (!seen[c]) unseen.push_back(names[c]);
  const size_t count = unseen.size();
  if (count == 0) return;
  if (count > kNamed) unseen.resize(kNamed);
  log_warning(count, " of ", names.size(), " classes ", count == 1 ? "has" : "have",
              " no validation images, and accuracies say nothing of ",
              count == 1 ? "it: " : "them: ", join(unseen, ", "), count > kNamed ? ", ..." : "");
}

// What may be meant and mostly is not.
void warn_of_settings(const RunParts& parts) {
  const TrainConfig& train = parts.config.train;
  const int64_t images = parts.data.train->size();
  if (images < train.batch)
    log_warning("train.batch = ", train.batch, ", but there are ", images,
                " training images: every step takes all of them");
  if (forgets(parts.config))
    log_warning(
        "optim.lr = ", parts.config.optim.lr,
        " for every layer is a rate for training from scratch, with which model.weights are "
        "soon forgotten: --config recipes/finetune_small, or optim.lr=1e-4");
  const Schedule schedule = schedule_of(parts.config, parts.length);
  if (schedule.reaches_peak()) return;
  const int64_t last = std::max<int64_t>(0, schedule.total_steps - schedule.cooldown_steps - 1);
  log_warning("sched.warmup = ", parts.config.sched.warmup, " is ", schedule.warmup_steps,
              " steps, of which this run has ", last + 1,
              " before its cool-down or its end: the learning rate comes to ", schedule.at(last).lr,
              " and not to optim.lr = ", parts.config.optim.lr);
}

}  // namespace

void describe(const RunParts& parts) {
  const TrainConfig& train = parts.config.train;
  const TransformConfig& transform = parts.config.data.transform;
  const int ranks = parts.comm == nullptr ? 1 : parts.comm->size();
  log_info("data       ", format_count(parts.data.train->size()), " training and ",
           format_count(parts.data.val->size()), " validation images of ",
           parts.data.train->class_names().size(), " classes");
  log_info("model      ", parts.model->config().title(), ", ",
           format_count(parts.model->parameter_count()), " parameters");
  const std::string mixed = describe(train.mixing, train.micro_batch);
  log_info("images     ", describe_train(transform), mixed.empty() ? "" : ", ", mixed);
  log_info("           ", describe_eval(transform), " in evaluation");
  log_info("compute    ", describe_device(parts.device), ", activations ", parts.act);
  log_info("batch      ", batch_text(train, ranks), "; ", parts.length.steps, " steps, ",
           parts.length.steps_per_epoch, " an epoch");
  warn_of_unseen_classes(*parts.data.val);
  warn_of_settings(parts);
}

}  // namespace vicinity
