// Which parameters decay and how fast each layer learns: timm's answers for every published model
// (tests/fixtures/training), and what freezing leaves.
#include "train/optim/param_groups.h"
#include "train/optim/make_optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/files.h"
#include "core/base/text.h"
#include "core/runtime/plan.h"
#include "models/registry.h"
#include "tests/support/tiny_models.h"
#include "train/cli/load_config.h"
#include "train/tasks/classify.h"
#include "train/trainer.h"

namespace vicinity::testing {
namespace {

nlohmann::json fixture() {
  return nlohmann::json::parse(
      read_file(std::string(VICINITY_SOURCE_DIR) + "/tests/fixtures/training/groups.json"));
}

// NAME = MODULE.REST: the longest module that the fixture knows, and what follows.
std::pair<std::string, std::string> cut(const std::string& name, const nlohmann::json& scales) {
  for (size_t dot = name.rfind('.'); dot != std::string::npos; dot = name.rfind('.', dot - 1)) {
    if (scales.contains(name.substr(0, dot))) return {name.substr(0, dot), name.substr(dot + 1)};
  }
  ADD_FAILURE() << name << " is not in the fixture";
  return {"", name};
}

std::unique_ptr<Model> planned(const std::string& name) {
  RunConfig config = load_run_config({}, {"model=" + name});
  config.model.architecture.labels.resize(3, "class");
  return make_model(config.model.architecture, DType::f32, kPlan);
}

TEST(ParamGroups, AreTimmsForEveryPublishedModel) {
  const nlohmann::json all = fixture();
  ASSERT_EQ(all["models"].size(), 19u);
  for (const auto& [name, expected] : all["models"].items()) {
    SCOPED_TRACE(name);
    const auto model = planned(name);
    OptimConfig optim;
    optim.layer_decay = all["layer_decay"];
    if (model->config().family == "dinov2")  // timm's no_weight_decay(), which its recipes use
      optim.no_decay = {"*position_embeddings", "*cls_token", "*register_tokens"};
    for (const Published& p : model->store().published()) {
      if (ends_with(p.name, "mask_token")) continue;  // timm's model has none
      auto [module, rest] = cut(p.name, expected["scales"]);
      const ParamRule rule = rule_of(p, model->config(), optim);
      // timm counts the last norm with the last block; BEiT, MAE and DINOv2 with the classifier.
      const double layers = ends_with(module, "layernorm") ? 1 : 0;
      EXPECT_NEAR(rule.lr_scale * std::pow(optim.layer_decay, layers) /
                      expected["scales"][module].get<double>(),
                  1, 1e-12)
          << p.name;
      if (rest == "weight" || rest == "bias") rest = module + "." + rest;
      ASSERT_TRUE(expected["decays"].contains(rest)) << p.name;
      EXPECT_EQ(rule.decay, expected["decays"][rest].get<bool>()) << p.name;
    }
  }
}

// The published DiNATs decayed their relative position biases and no layer scale; DINOv2 decayed
// its position table and tokens.
TEST(ParamGroups, TrapsOfTheOriginals) {
  const auto dinat = planned("dinat_base"), dinov2 = planned("dinov2_vits14_reg4");
  const auto decays = [](const Model& model, const std::string& end, const OptimConfig& optim) {
    int found = 0;
    bool decay = false;
    for (const Published& p : model.store().published()) {
      if (!ends_with(p.name, end)) continue;
      const bool this_one = rule_of(p, model.config(), optim).decay;
      EXPECT_TRUE(found++ == 0 || decay == this_one) << p.name;
      decay = this_one;
    }
    EXPECT_GT(found, 0) << end;
    return decay;
  };
  EXPECT_FALSE(decays(*dinat, "layer_scale_parameters", {}));
  EXPECT_TRUE(decays(*dinat, "rpb", {}));
  OptimConfig without;
  without.no_decay = {"*rpb"};
  EXPECT_FALSE(decays(*dinat, "rpb", without));
  for (const char* token : {"cls_token", "mask_token", "register_tokens", "position_embeddings"})
    EXPECT_TRUE(decays(*dinov2, token, {})) << token;
}

TEST(ParamGroups, EveryElementIsInOneRange) {
  for (const auto& [name, config] : tiny_models()) {
    const auto model = tiny_model(config, DType::f32);
    OptimConfig optim;
    optim.layer_decay = 0.5;
    const std::vector<UpdateRange> ranges = trainable_ranges(*model, optim);
    for (const Published& p : model->store().published()) {
      const ParamRule rule = rule_of(p, model->config(), optim);
      const auto holds = [&](const UpdateRange& r) {
        return r.begin <= p.offset && p.offset + p.size() <= r.end && r.decay == rule.decay &&
               r.lr_scale == rule.lr_scale;
      };
      EXPECT_EQ(std::count_if(ranges.begin(), ranges.end(), holds), 1) << name << " " << p.name;
    }
  }
}

TEST(ParamGroups, PatternsThatFitNothingAreRefused) {
  const auto model = tiny_model(tiny_dinat(), DType::f32);
  for (const char* key : {"freeze", "no_decay"}) {
    OptimConfig optim;
    (std::string(key) == "freeze" ? optim.freeze : optim.no_decay) = {"embeding*"};
    try {
      trainable_ranges(*model, optim);
      ADD_FAILURE() << key;
    } catch (const ConfigError& error) {
      EXPECT_NE(error.message().find(str("optim.", key, ": 'embeding*'")), std::string::npos);
    }
  }
  OptimConfig all;
  all.freeze = {"*"};
  EXPECT_THROW(trainable_ranges(*model, all), ConfigError);
}

struct Batch {
  Tensor images = empty({6, 28, 28, 3}, DType::u8), labels;
};
Batch some_batch() {
  Batch batch;
  for (int64_t i = 0; i < batch.images.size(); ++i)
    batch.images.data<uint8_t>()[i] = static_cast<uint8_t>(i * i * 7 + i / 5);
  batch.labels = tensor_of<int32_t>({6}, {0, 1, 2, 3, 1, 0});
  return batch;
}

// Three steps on one batch.
void train(Model& model, const OptimConfig& optim) {
  const auto optimizer = make_optimizer(optim, model.store().value());
  Classify task(model, normalization_of({}), 0.1);
  Trainer trainer(model, task, *optimizer, trainable_ranges(model, optim),
                  {.micro_batch = 4, .schedule = {.weight_decay = 0.1, .total_steps = 9}});
  const Batch batch = some_batch();
  for (int step = 0; step < 3; ++step) trainer.step(batch.images, batch.labels);
}

TEST(Freeze, FrozenStaysToTheBitAndTheRestLearns) {
  for (const auto& [name, config] : tiny_models()) {
    SCOPED_TRACE(name);
    const auto model = tiny_model(config, DType::f32);
    Tensor start = empty_like(model->store().value());  // published tensors share its memory
    copy_(start, model->store().value());
    const std::vector<NamedTensor> before = model->store().publish(start);
    OptimConfig optim;
    optim.freeze = {"embeddings*", config.family == "dinov2" ? "*.norm1.*" : "*layernorm_before*"};
    train(*model, optim);
    const std::vector<NamedTensor> after = model->store().publish(model->store().value());
    for (size_t i = 0; i < before.size(); ++i) {
      const Published& p = model->store().published()[i];
      const bool frozen = rule_of(p, model->config(), optim).frozen;
      EXPECT_EQ(same_bits(before[i].tensor, after[i].tensor), frozen) << p.name;
    }
  }
}

// What is trained above a frozen part gets the gradients that it gets in a model without one.
TEST(Freeze, GradientsOfTheRestAreTheSame) {
  for (const auto& [name, config] : tiny_models()) {
    SCOPED_TRACE(name);
    const auto whole = tiny_model(config, DType::f32), part = tiny_model(config, DType::f32);
    OptimConfig optim;
    optim.freeze = {"embeddings*"};
    trainable_ranges(*part, optim);
    forward_backward(*whole, tiny_batch(3), Pass{.training = true});
    forward_backward(*part, tiny_batch(3), Pass{.training = true});
    const Tensor expected = whole->store().grad(), got = part->store().grad();
    for (const Published& p : part->store().published()) {
      const Tensor g = got.slice(p.offset, p.offset + p.size());
      const bool frozen = rule_of(p, part->config(), optim).frozen;
      EXPECT_TRUE(same_bits(
          g, frozen ? zeros(g.shape(), DType::f32) : expected.slice(p.offset, p.offset + p.size())))
          << p.name;
    }
  }
}

double step_flops(const ModelConfig& config, const std::vector<std::string>& freeze) {
  const auto model = make_model(config, DType::f32, kPlan);
  OptimConfig optim;
  optim.freeze = freeze;
  const auto optimizer = make_optimizer(optim, model->store().value());
  Classify task(*model, normalization_of({}), 0);
  Trainer trainer(*model, task, *optimizer, trainable_ranges(*model, optim), {.micro_batch = 64});
  plan().reset();
  trainer.step(empty({64, 28, 28, 3}, DType::u8, kPlan), empty({64}, DType::i32, kPlan));
  return plan().total().flops;
}

TEST(Freeze, NothingFlowsBackThroughAFrozenBackbone) {
  for (const auto& [name, config] : tiny_models()) {
    const double all = step_flops(config, {}),
                 probe = step_flops(config, {"embeddings*", "encoder*", "layernorm*"});
    EXPECT_LT(probe, 0.36 * all) << name << ": a third of a step is forward";
  }
}

}  // namespace
}  // namespace vicinity::testing
