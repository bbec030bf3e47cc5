// Thirty full-batch steps beside PyTorch's (tests/fixtures/training/losses.json): AdamW and SGD
// with clipping, label smoothing, timm's cosine, layer-wise decay and decay groups, both families.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/base/files.h"
#include "core/base/text.h"
#include "models/registry.h"
#include "models/weights/describe.h"
#include "models/weights/load.h"
#include "tests/support/op_cases.h"
#include "train/optim/make_optimizer.h"
#include "train/optim/param_groups.h"
#include "train/tasks/classify.h"
#include "train/trainer.h"

namespace vicinity::testing {
namespace {

constexpr int64_t kBatch = 6;

nlohmann::json fixture() {
  return nlohmann::json::parse(
      read_file(std::string(VICINITY_SOURCE_DIR) + "/tests/fixtures/training/losses.json"));
}

// pixel (b, y, x, c) = (37 x + 91 y + 53 c + 29 b + (b + 1) x y) mod 256.
Tensor images_of_formula(int64_t height, int64_t width) {
  Tensor images = empty({kBatch, height, width, 3}, DType::u8);
  uint8_t* out = images.data<uint8_t>();
  for (int64_t b = 0; b < kBatch; ++b) {
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) {
        for (int64_t c = 0; c < 3; ++c)
          *out++ = static_cast<uint8_t>(37 * x + 91 * y + 53 * c + 29 * b + (b + 1) * x * y);
      }
    }
  }
  return images;
}

OptimConfig optim_of(const nlohmann::json& all, const std::string& name) {
  const nlohmann::json& numbers = all["optimizers"][name];
  OptimConfig optim;
  optim.name = name;
  optim.lr = numbers["lr"];
  optim.weight_decay = numbers["weight_decay"];
  if (name == "adamw") {
    optim.betas = numbers["betas"].get<std::vector<double>>();
    optim.eps = numbers["eps"];
  } else {
    optim.momentum = numbers["momentum"];
    optim.nesterov = numbers["nesterov"];
  }
  optim.clip_grad = all["clip_grad"];
  optim.layer_decay = all["layer_decay"];
  return optim;
}

vicinity::Schedule schedule_of(const nlohmann::json& s, const OptimConfig& optim) {
  ScheduleConfig config;
  config.warmup = str(s["warmup"].get<int>(), "it");
  config.warmup_lr = s["warmup_lr"].get<double>();
  config.warmup_prefix = s["warmup_prefix"];
  config.final_lr = s["final_lr"];
  config.cooldown = str(s["cooldown"].get<int>(), "it");
  return make_schedule(config, optim.lr, optim.weight_decay, 1, s["steps"]);
}

class Optimisation : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(Optimisation, LossesOfThirtyStepsArePyTorchs) {
  const auto& [name, optimizer_name] = GetParam();
  const nlohmann::json all = fixture();
  const nlohmann::json& c = all["cases"][name];
  const std::string folder = str(VICINITY_SOURCE_DIR, "/tests/fixtures/parity/", name);
  const auto model = make_model(describe_model(folder).config, DType::f32);
  load_weights(*model, folder);
  const OptimConfig optim = optim_of(all, optimizer_name);
  const auto optimizer = make_optimizer(optim, model->store().value());
  Classify task(*model, normalization_of({}), all["smoothing"]);
  Trainer trainer(*model, task, *optimizer, trainable_ranges(*model, optim),
                  {.micro_batch = 4,
                   .clip_grad = optim.clip_grad,
                   .schedule = schedule_of(all["schedule"], optim)});
  const Tensor images = images_of_formula(c["height"], c["width"]),
               labels = tensor_of<int32_t>({kBatch}, c["labels"].get<std::vector<int32_t>>());
  const auto losses = c[optimizer_name].get<std::vector<double>>();
  for (size_t step = 0; step < losses.size(); ++step)
    EXPECT_NEAR(trainer.step(images, labels).loss, losses[step], 1e-4) << "step " << step;
}

INSTANTIATE_TEST_SUITE_P(PyTorch, Optimisation,
                         ::testing::Combine(::testing::Values("dinat_k7", "dinat_k5_padded",
                                                              "dinov2_mlp", "dinov2_swiglu"),
                                            ::testing::Values("adamw", "sgd")),
                         [](const auto& info) {
                           return str(std::get<0>(info.param), "_", std::get<1>(info.param));
                         });

}  // namespace
}  // namespace vicinity::testing
