// What a network is to the rest of the program.
#pragma once

#include <memory>
#include <string>

#include "autograd/variable.h"
#include "models/model_config.h"
#include "models/parameter_store.h"
#include "models/pass.h"

namespace vicinity {

class Model {
 public:
  virtual ~Model() = default;

  /// Classification logits. images: [B, H, W, C] of pass.act, normalised -> [B, labels] of
  /// accumulator_of(pass.act).
  Variable logits(const Tensor& images, const Pass& pass) const;
  /// What `request` asks for and no more, without recording. images: [B, H, W, C] of pass.act,
  /// normalised. ShapeError where masks do not fit, ConfigError for what the family does not have.
  Outputs outputs(const Tensor& images, const OutputRequest& request, Pass pass) const;
  /// The three steps of outputs(): refuses what does not fit; computes, and waits for nothing;
  /// brings it to the CPU.
  void check(const Tensor& images, const OutputRequest& request, const Pass& pass) const;
  void run(const Tensor& images, OutputSink& sink, Pass pass) const;
  Outputs finish(const OutputSink& sink) const;

  ParameterStore& store() { return *store_; }
  const ParameterStore& store() const { return *store_; }
  const ModelConfig& config() const { return config_; }
  int64_t num_labels() const { return static_cast<int64_t>(config_.labels.size()); }
  int64_t parameter_count() const { return store_->parameter_count(); }
  /// Draws all parameters. `init`: original, hf or fan_in.
  void initialise(uint64_t seed, const std::string& init) {
    store_->initialise(seed, init, config_.initializer_range());
  }

 protected:
  /// The classifier's input, [B, P]; absent where pass.outputs wants nothing after the stages.
  virtual Variable encode(const Tensor& images, const Pass& pass) const = 0;
  virtual Variable classify(const Variable& pooled, const Pass& pass) const = 0;

  explicit Model(ModelConfig config) : config_(std::move(config)) {}
  /// Called once by each family's constructor, when its parameters exist.
  void make_store(const std::function<void(ParameterVisitor&)>& visit_all, const Storing& storing) {
    store_ = std::make_unique<ParameterStore>(visit_all, storing);
  }

 private:
  ModelConfig config_;
  std::unique_ptr<ParameterStore> store_;
};

}  // namespace vicinity
