#include "train/run/run.h"

#include <cmath>
#include <csignal>
#include <utility>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/runtime/cpu.h"
#include "core/runtime/profile.h"
#include "models/registry.h"
#include "train/run/signals.h"
#include "train/run/step_on_paper.h"

namespace vicinity {

Run::Run(RunConfig config, const RunDirectory& directory, bool resume)
    : config_(std::move(config)), directory_(directory), checkpoints_(directory.path()) {
  if (config_.threads > 0) cpu().set_threads(config_.threads);
  data_ = open_data(config_.data.source, config_.seed);
  device_ = device_of(config_.device);
  act_ = activation_dtype(config_.train.precision, device_);
  length_ = length_of(config_.train, data_.train->size());
  directory_.write_classes(data_.train->class_names());
  build_model(resume);
  const LoaderConfig loading{.threads = config_.data.loader_threads, .seed = config_.seed};
  train_loader_ = std::make_unique<Loader>(*data_.train, config_.data.transform, LoaderMode::train,
                                           config_.train.batch, loading);
  val_loader_ =
      std::make_unique<Loader>(*data_.val, config_.data.transform, LoaderMode::eval,
                               std::min<int64_t>(config_.train.micro_batch, 256), loading);
  if (resume) restore();
  metrics_ =
      std::make_unique<MetricsFile>(directory_.file("metrics.jsonl"), trainer_->steps_done());
  describe();
}

void Run::build_model(bool resume) {
  check_small_maps(config_.model, config_.data.transform.image_size);
  check_trainable(config_.model.architecture);
  config_.model.architecture.labels = data_.train->class_names();
  config_.model.architecture.problem_type = "single_label_classification";
  check_image_size(config_.model.architecture, config_.data.transform.image_size);
  model_ = make_model(config_.model.architecture, DType::f32, device_);
  if (!resume) {
    model_->initialise(config_.seed, config_.model.init);
    if (!config_.model.weights.empty()) {  // what they lack, such as the classifier, stays
      log_info(
          load_weights(*model_, model_location(config_.model.weights), load_options(config_.model))
              .text());
    }
  }
  if (act_ == DType::bf16) model_->store().enable_copies();
  optimizer_ = make_optimizer(config_.optim, model_->store().value());
  task_ = std::make_unique<Classify>(*model_, normalization_of(config_.data.transform),
                                     config_.train.smoothing);
  const Schedule schedule{
      .peak_lr = config_.optim.lr,
      .final_lr = config_.sched.final_lr,
      .weight_decay = config_.optim.weight_decay,
      .warmup_steps = parse_length(config_.sched.warmup, length_.steps_per_epoch, length_.steps),
      .total_steps = length_.steps,
      .constant = config_.sched.name == "constant"};
  trainer_ = std::make_unique<Trainer>(*model_, *task_, *optimizer_, param_ranges(model_->store()),
                                       Trainer::Settings{.act = act_,
                                                         .seed = config_.seed,
                                                         .micro_batch = config_.train.micro_batch,
                                                         .clip_grad = config_.optim.clip_grad,
                                                         .cuda_graph = config_.train.cuda_graph,
                                                         .schedule = schedule});
}

void Run::restore() {
  state_ = checkpoints_.load_last(*model_, *optimizer_);
  VIC_CHECK(DataError, state_.data_fingerprint == data_.train->fingerprint(),
            "the training images are not those that this run was started with (names, labels or "
            "sizes differ); point "
            "data.root at the old ones, or start a new run with model.weights=",
            directory_.path());
  model_->store().refresh_copies();
  trainer_->set_steps_done(state_.step);
  train_loader_->seek(state_.step / length_.steps_per_epoch,
                      state_.step % length_.steps_per_epoch * config_.train.batch);
  saved_at_ = state_.step;
  log_info("resumed at step ", state_.step, " of ", length_.steps);
}

void Run::describe() const {
  const auto leaves =
      (config_.train.batch + config_.train.micro_batch - 1) / config_.train.micro_batch;
  log_info("run        ", directory_.path());
  log_info("data       ", format_count(data_.train->size()), " training and ",
           format_count(data_.val->size()), " validation images of ",
           data_.train->class_names().size(), " classes");
  log_info("model      ", model_->config().title(), ", ", format_count(model_->parameter_count()),
           " parameters");
  log_info("images     ", describe_eval(config_.data.transform), " in evaluation");
  log_info("compute    ", describe_device(device_), ", activations ", act_);
  log_info("batch      ", config_.train.batch, " = 1 rank x ", config_.train.micro_batch,
           " images x ", leaves, leaves == 1 ? " leaf" : " leaves", "; ", length_.steps, " steps, ",
           length_.steps_per_epoch, " an epoch");
}

bool Run::due(double every_epochs) const {
  const int64_t done = trainer_->steps_done();
  if (done == length_.steps) return true;
  if (every_epochs <= 0) return false;
  const auto interval = std::max<int64_t>(
      1, std::llround(every_epochs * static_cast<double>(length_.steps_per_epoch)));
  return done % interval == 0;
}

Run::Fetched Run::fetch() {
  const double waited_before = train_loader_->wait_seconds();
  Fetched fetched;
  try {
    const Batch batch = train_loader_->next();
    fetched = {images_of(batch), labels_of(batch), nullptr};
    trainer_->stage(fetched.images, fetched.labels);
  } catch (...) {
    fetched.error = std::current_exception();
  }
  interval_.wait += train_loader_->wait_seconds() - waited_before;
  return fetched;
}

StepReport Run::step_on(const Fetched& batch, const std::function<void()>& meanwhile) {
  if (batch.error != nullptr) std::rethrow_exception(batch.error);
  try {
    return trainer_->step(batch.images, batch.labels, meanwhile);
  } catch (OutOfMemory& error) {
    const int64_t fits = largest_micro_batch(config_, memory_of(device_));
    error.add_context(fits > 0 ? str("using train.micro_batch=", config_.train.micro_batch,
                                     "; on paper train.micro_batch=", fits,
                                     " fits this device when nobody else uses it")
                               : "training a model of which not even one image fits this device");
    throw;
  }
}

RunResult Run::train() {
  const SignalWatch signals;
  interval_ = {};
  Fetched batch, next;
  if (trainer_->steps_done() < length_.steps) next = fetch();
  while (trainer_->steps_done() < length_.steps) {
    batch = std::exchange(next, Fetched{});
    const int64_t step = trainer_->steps_done() + 1;
    const auto fetch_next = [&] {
      if (step < length_.steps) next = fetch();
    };
    log_step(in_context(str("training step ", step), [&] { return step_on(batch, fetch_next); }));
    if (due(config_.train.eval_every)) evaluate_now();
    if (config_.train.save_every > 0 && step % config_.train.save_every == 0) save(false);
    if (signals.received() != 0) return finish(signals.received());
  }
  return finish(0);
}

void Run::log_step(const StepReport& report) {
  interval_.loss += report.loss;
  interval_.accuracy += report.accuracy;
  interval_.images += config_.train.batch;
  ++interval_.steps;
  const double seconds = seconds_since(interval_.start);
  const auto n = static_cast<double>(interval_.steps);
  const double rate = static_cast<double>(interval_.images) / seconds;
  const double left = static_cast<double>(length_.steps - report.step) * seconds / n;
  const double epoch =
      static_cast<double>(report.step) / static_cast<double>(length_.steps_per_epoch);
  const std::string line = str(
      "step ", report.step, "/", length_.steps, "  epoch ", format_fixed(epoch, 2), "  loss ",
      format_fixed(interval_.loss / n, 4), "  acc ", format_fixed(100 * interval_.accuracy / n, 1),
      " %  lr ", format_fixed(report.knobs.lr, 6), "  grad ", format_fixed(report.grad_norm, 2),
      "  ", format_fixed(rate, 0), " img/s  data wait ",
      format_fixed(100 * interval_.wait / seconds, 1), " %  eta ", format_seconds(left));
  metrics_->write(JsonLine()
                      .add("step", report.step)
                      .add("epoch", epoch)
                      .add("loss", report.loss)
                      .add("accuracy", report.accuracy)
                      .add("grad_norm", report.grad_norm)
                      .add("lr", report.knobs.lr));
  if (report.step % config_.train.log_every != 0 && report.step != length_.steps) {
    log_progress(line);
    return;
  }
  log_info(line);
  if (interval_.wait > 0.1 * seconds && interval_.steps > 1) {
    log_info(
        "hint: training waits for images; pack them (vicinity data pack) or raise "
        "data.loader_threads");
  }
  interval_ = {};
}

void Run::evaluate_now() {
  const auto start = std::chrono::steady_clock::now();
  const EvalReport report =
      evaluate(*model_, *val_loader_, normalization_of(config_.data.transform), act_);
  evaluated_at_ = trainer_->steps_done();
  last_top1_ = report.top1_percent();
  const bool best = last_top1_ > state_.best_top1;
  if (best) {
    state_.best_top1 = last_top1_;
    state_.best_step = evaluated_at_;
  }
  log_info("eval step ", evaluated_at_, ": ", report.text(), " in ",
           format_seconds(seconds_since(start)), best ? ", the best so far" : "");
  metrics_->write(JsonLine()
                      .add("step", evaluated_at_)
                      .add("val_count", report.count)
                      .add("val_top1", report.top1)
                      .add("val_top5", report.top5)
                      .add("val_loss", report.loss_sum / static_cast<double>(report.count)));
  save(best);
  interval_ = {};
}

void Run::save(bool best) {
  state_.step = trainer_->steps_done();
  state_.seed = config_.seed;
  state_.data_fingerprint = data_.train->fingerprint();
  checkpoints_.save(*model_, *optimizer_, config_.data.transform, state_, best,
                    config_.train.keep_last);
  saved_at_ = state_.step;
}

RunResult Run::finish(int signal) {
  if (signal == 0 && evaluated_at_ != trainer_->steps_done()) evaluate_now();
  if (saved_at_ != trainer_->steps_done()) save(false);
  if (signal != 0) {
    log_info(signal == SIGINT ? "interrupted" : "terminated", " after step ",
             trainer_->steps_done(), "; saved. Continue with: vicinity train --out ",
             directory_.path(), " --resume");
  }
  return {trainer_->steps_done(), last_top1_, state_.best_top1, signal};
}

}  // namespace vicinity
