// Every output that Hugging Face's model, classification and backbone classes document
// (tests/fixtures/README.md: outputs/), with its shape and its numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/base/text.h"
#include "core/runtime/profile.h"
#include "models/losses/classification_loss.h"
#include "models/registry.h"
#include "models/weights/describe.h"
#include "models/weights/load.h"
#include "models/weights/safetensors.h"
#include "tests/support/op_cases.h"
#include "tests/support/tiny_models.h"

namespace vicinity::testing {
namespace {

class OutputsOf {
 public:
  explicit OutputsOf(const std::string& name, DType dtype, Device device = kCpu)
      : folder_(str(VICINITY_SOURCE_DIR, "/tests/fixtures/outputs/", name)),
        fixture_(folder_ + "/fixture.safetensors"),
        dtype_(dtype),
        device_(device),
        tolerance_(dtype == DType::f64 ? 1e-9 : 1e-5) {
    config = describe_model(folder_).config;
  }

  ModelConfig config;  // what may be changed before run

  const SafetensorsFile& fixture() const { return fixture_; }

  Outputs run(const OutputRequest& request, Pass pass = {}) const {
    const auto model = make_model(config, dtype_, device_);
    const LoadReport report = load_weights(*model, folder_);
    EXPECT_TRUE(report.unused.empty()) << report.text();
    pass.act = dtype_;
    return model->outputs(images(), request, pass);
  }

  // NCHW in the fixture, channels last here.
  Tensor images() const {
    const Tensor nchw = cast(fixture_.read("pixel_values"), DType::f64);
    const int64_t c = nchw.dim(1), h = nchw.dim(2), w = nchw.dim(3);
    Tensor x = empty({nchw.dim(0), h, w, c}, DType::f64);
    for (int64_t i = 0; i < x.size(); ++i) {
      const int64_t channel = i % c, pixel = i / c % (h * w), sample = i / (c * h * w);
      x.data<double>()[i] = nchw.data<double>()[(sample * c + channel) * h * w + pixel];
    }
    return to_device(cast(x, dtype_), device_);
  }

  void expect(const std::string& name, const Tensor& ours) const {
    ASSERT_TRUE(ours.defined()) << name;
    const Tensor theirs = fixture_.read(name);
    ASSERT_EQ(ours.shape(), theirs.shape()) << name;
    EXPECT_EQ(ours.device(), kCpu) << name;
    const std::vector<double> x = values_of<double>(cast(ours, DType::f64)),
                              y = values_of<double>(theirs);
    for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], y[i], tolerance_) << name << " " << i;
  }

  void expect_all(const std::string& name, const std::vector<Tensor>& ours) const {
    ASSERT_FALSE(ours.empty()) << name;
    for (size_t i = 0; i < ours.size(); ++i) expect(str(name, ".", i), ours[i]);
    EXPECT_FALSE(fixture_.has(str(name, ".", ours.size())));
  }

 private:
  std::string folder_;
  SafetensorsFile fixture_;
  DType dtype_;
  Device device_;
  double tolerance_;
};

class OutputsInBothPrecisions : public ::testing::TestWithParam<DType> {};

const OutputRequest kModel{.last_hidden_state = true,
                           .pooler_output = true,
                           .hidden_states = true,
                           .attentions = true,
                           .logits = true};

void expect_model(const OutputsOf& reference, const Outputs& o) {
  reference.expect("model/last_hidden_state", o.last_hidden_state);
  reference.expect("model/pooler_output", o.pooler_output);
  reference.expect_all("model/hidden_states", o.hidden_states);
  reference.expect_all("model/attentions", o.attentions);
  reference.expect("logits", o.logits);
}

TEST_P(OutputsInBothPrecisions, DinatModelAndClassifier) {
  const OutputsOf dinat("dinat", GetParam());
  OutputRequest request = kModel;
  request.reshaped_hidden_states = true;
  const Outputs o = dinat.run(request);
  expect_model(dinat, o);
  dinat.expect_all("model/reshaped_hidden_states", o.reshaped_hidden_states);
  EXPECT_FALSE(o.loss.has_value());
  EXPECT_TRUE(o.feature_maps.empty());
}

TEST_P(OutputsInBothPrecisions, Dinov2ModelAndClassifier) {
  for (const char* name : {"dinov2", "dinov2_regression", "dinov2_current", "registers_current"}) {
    SCOPED_TRACE(name);
    const OutputsOf dinov2(name, GetParam());
    expect_model(dinov2, dinov2.run(kModel));
    if (!dinov2.fixture().has("bool_masked_pos")) continue;
    const Outputs masked =
        dinov2.run({.last_hidden_state = true, .pooler_output = true},
                   {.bool_masked_pos = dinov2.fixture().read("bool_masked_pos")});
    dinov2.expect("masked/last_hidden_state", masked.last_hidden_state);
    dinov2.expect("masked/pooler_output", masked.pooler_output);
  }
}

TEST_P(OutputsInBothPrecisions, HeadMaskOfEachLayerAndOfAll) {
  const OutputsOf dinov2("dinov2", GetParam());
  const Outputs each = dinov2.run(kModel, {.head_mask = dinov2.fixture().read("head_mask/each")});
  dinov2.expect("head_mask_each/last_hidden_state", each.last_hidden_state);
  dinov2.expect("head_mask_each/pooler_output", each.pooler_output);
  dinov2.expect_all("head_mask_each/hidden_states", each.hidden_states);
  dinov2.expect_all("head_mask_each/attentions", each.attentions);
  const Outputs one =
      dinov2.run({.logits = true}, {.head_mask = dinov2.fixture().read("head_mask/one")});
  dinov2.expect("head_mask_one/logits", one.logits);
}

TEST_P(OutputsInBothPrecisions, DinatBackbone) {
  OutputsOf dinat("dinat_backbone", GetParam());
  dinat.config.backbone.built = true;
  const Outputs o =
      dinat.run({.hidden_states = true, .before_downsampling = true, .feature_maps = true});
  dinat.expect_all("backbone/feature_maps", o.feature_maps);
  dinat.expect_all("backbone/hidden_states", o.hidden_states);
}

TEST_P(OutputsInBothPrecisions, Dinov2Backbone) {
  for (const char* name :
       {"dinov2_backbone", "dinov2_backbone_current", "registers_backbone_current"}) {
    SCOPED_TRACE(name);
    OutputsOf dinov2(name, GetParam());
    dinov2.config.backbone.built = true;
    for (const bool norm : {false, true}) {
      for (const bool maps : {false, true}) {
        dinov2.config.backbone.apply_layernorm = norm;
        dinov2.config.backbone.reshape_hidden_states = maps;
        const Outputs o = dinov2.run({.feature_maps = true});
        dinov2.expect_all(str("backbone_", norm, maps, "/feature_maps"), o.feature_maps);
        EXPECT_TRUE(o.hidden_states.empty());
      }
    }
  }
}

TEST_P(OutputsInBothPrecisions, LossOfEveryProblemType) {
  for (const char* name :
       {"dinat", "dinov2", "dinov2_regression", "dinov2_current", "registers_current"}) {
    OutputsOf reference(name, GetParam());
    const bool one = reference.config.labels.size() == 1;
    for (const std::string kind :
         {"regression", "single_label_classification", "multi_label_classification"}) {
      SCOPED_TRACE(str(name, " ", kind));
      ASSERT_EQ(reference.fixture().has("labels/" + kind), kind == "regression" || !one);
      if (!reference.fixture().has("labels/" + kind)) continue;
      // Decided by the labels, but for a regression of several numbers.
      reference.config.problem_type = kind == "regression" && !one ? kind : "";
      const Outputs o = reference.run({.labels = reference.fixture().read("labels/" + kind)});
      ASSERT_TRUE(o.loss.has_value());
      EXPECT_NEAR(*o.loss, reference.fixture().read("loss/" + kind).data<double>()[0],
                  GetParam() == DType::f64 ? 1e-9 : 1e-5);
      EXPECT_FALSE(o.logits.defined());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(HuggingFace, OutputsInBothPrecisions,
                         ::testing::Values(DType::f32, DType::f64),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST(Outputs, AreTheSameFromTheDevice) {
  if (!cuda_is_there()) GTEST_SKIP() << why_no_cuda();
  const OutputsOf dinat("dinat", DType::f32, kCuda), dinov2("dinov2", DType::f32, kCuda);
  expect_model(dinat, dinat.run(kModel));
  expect_model(dinov2, dinov2.run(kModel));
  const Outputs masked = dinov2.run(kModel, {.head_mask = dinov2.fixture().read("head_mask/each")});
  dinov2.expect_all("head_mask_each/attentions", masked.attentions);
  dinov2.expect("head_mask_each/last_hidden_state", masked.last_hidden_state);
}

// How often each op ran for one request.
std::map<std::string, int64_t> calls_of(const std::string& name, std::vector<int> stages,
                                        const OutputRequest& request) {
  OutputsOf reference(name, DType::f32);
  reference.config.backbone = {.stages = std::move(stages), .built = true};
  const auto model = make_model(reference.config, DType::f32);
  const Tensor images = reference.images();
  profile().reset();
  profile().enable(true);
  model->outputs(images, request, {});
  profile().enable(false);
  std::map<std::string, int64_t> calls;
  for (const auto& [op, entry] : profile().by_op()) calls[op] = entry.calls;
  profile().reset();
  return calls;
}

TEST(Outputs, NothingRunsThatWasNotAskedFor) {
  const OutputRequest features{.feature_maps = true}, states{.hidden_states = true},
      last{.last_hidden_state = true}, pooled{.pooler_output = true}, logits{.logits = true},
      attentions{.attentions = true};
  struct Case {
    const char* name;
    std::vector<int> stages;
    OutputRequest request;
    int64_t blocks, convolutions, probabilities, pools;
  };
  // DiNAT: two blocks, then one; two convolutions in the tokenizer, one in the downsampler.
  const std::vector<Case> cases = {
      {"dinat", {0}, features, 0, 2, 0, 0},        {"dinat", {1}, features, 2, 2, 0, 0},
      {"dinat", {2}, features, 3, 3, 0, 0},        {"dinat", {0}, states, 3, 3, 0, 0},
      {"dinat", {0}, attentions, 3, 3, 2, 0},      {"dinat", {0}, last, 3, 3, 0, 0},
      {"dinat", {0}, OutputRequest{}, 0, 2, 0, 0}, {"dinov2", {0}, features, 0, 0, 0, 0},
      {"dinov2", {2}, features, 2, 0, 0, 0},       {"dinov2", {0}, attentions, 3, 0, 3, 0},
      {"dinov2", {0}, pooled, 3, 0, 0, 1}};
  for (const Case& c : cases) {
    SCOPED_TRACE(str(c.name, " ", c.stages[0], " ", c.blocks, " blocks"));
    auto calls = calls_of(c.name, c.stages, c.request);
    const std::string attention =
        std::string(c.name) == "dinat" ? "neighborhood_attention" : "attention";
    EXPECT_EQ(calls[attention], c.blocks);
    EXPECT_EQ(calls["conv3x3_patches"], c.convolutions);
    EXPECT_EQ(calls[attention + "_probabilities"], c.probabilities);
    EXPECT_EQ(calls["token_pool"], c.pools);
  }
  for (const char* name : {"dinat", "dinov2"})
    EXPECT_EQ(calls_of(name, {0}, logits)["linear"], calls_of(name, {0}, pooled)["linear"] + 1);
}

TEST(Outputs, StagesComeInTheirOrderAndOnce) {
  OutputsOf dinat("dinat_backbone", DType::f32);
  dinat.config.backbone = {.stages = {2, 0, 2}, .built = true};
  const Tensor images = dinat.images();
  const auto model = make_model(dinat.config, DType::f32);
  const Outputs o = model->outputs(images, {.feature_maps = true}, {});
  ASSERT_EQ(o.feature_maps.size(), 2u);
  EXPECT_EQ(o.feature_maps[0].shape(), Shape({2, 8, 8, 6}));
  EXPECT_EQ(o.feature_maps[1].shape(), Shape({2, 16, 4, 3}));
}

// A model file that was not saved by the backbone class has no norms: they start as PyTorch's do.
TEST(Outputs, StageNormsOfOtherFilesStartAtOne) {
  OutputsOf dinat("dinat", DType::f64);
  dinat.config.backbone = {.stages = {1}, .built = true};
  const Tensor map = dinat.run({.feature_maps = true}).feature_maps.at(0);
  double sum = 0, squares = 0;
  for (int64_t c = 0; c < map.dim(1); ++c) {
    const double v = map.data<double>()[c * map.dim(2) * map.dim(3)];
    sum += v;
    squares += v * v;
  }
  EXPECT_NEAR(sum, 0, 1e-9);
  EXPECT_NEAR(squares / static_cast<double>(map.dim(1)), 1, 1e-3);
}

template <class E, class F>
std::string message_of(F&& call) {
  try {
    call();
  } catch (const E& error) {
    return error.user_text();
  }
  return "nothing was thrown";
}

TEST(Outputs, WhatDoesNotFitIsRefusedWithBothValues) {
  const OutputsOf dinat("dinat", DType::f32), dinov2("dinov2", DType::f32);
  const auto holds = [](const std::string& text, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  holds(message_of<ShapeError>([&] {
          dinov2.run({.logits = true},
                     {.bool_masked_pos = tensor_of<uint8_t>({2, 8}, std::vector<uint8_t>(16))});
        }),
        {"bool_masked_pos [2, 8]", "[2, 9]"});
  holds(message_of<ShapeError>([&] {
          dinov2.run({.logits = true}, {.head_mask = zeros({2, 2}, DType::f32)});
        }),
        {"head_mask [2, 2]", "[2] or [3, 2]"});
  holds(message_of<DTypeError>([&] {
          dinov2.run({.logits = true}, {.bool_masked_pos = zeros({2, 9}, DType::f32)});
        }),
        {"bool_masked_pos is f32", "u8"});
  holds(message_of<DTypeError>([&] {
          dinov2.run({.logits = true}, {.head_mask = tensor_of<int32_t>({2}, {0, 1})});
        }),
        {"head_mask is i32 on cpu"});
  holds(message_of<ConfigError>(
            [&] { dinat.run({.logits = true}, {.head_mask = zeros({2}, DType::f32)}); }),
        {"DiNAT has neither"});
  holds(message_of<ConfigError>([&] { dinov2.run({.reshaped_hidden_states = true}); }),
        {"an output of DiNAT"});
  holds(message_of<ConfigError>([&] { dinat.run({.feature_maps = true}); }), {"backbone.built"});
  holds(message_of<DataError>([&] {
          dinat.run({.labels = tensor_of<int64_t>({2}, {0, 3})});
        }),
        {"label 3 of image 1", "classes 0 to 2"});
  holds(message_of<ShapeError>([&] {
          dinat.run({.labels = zeros({2, 2}, DType::f32)});
        }),
        {"labels [2, 2]", "logits [2, 3]"});
}

TEST(ClassificationLoss, HoldsForLargeLogitsAndNoLabels) {
  const Tensor logits = tensor_of<float>({1, 2}, {900, -900});
  const Tensor labels = tensor_of<int32_t>({1}, {1});
  EXPECT_EQ(classification_loss(logits, labels, "single_label_classification"), 1800);
  EXPECT_EQ(
      classification_loss(logits, tensor_of<float>({1, 2}, {0, 1}), "multi_label_classification"),
      900);
  EXPECT_TRUE(std::isnan(
      classification_loss(logits, tensor_of<int32_t>({1}, {-100}), "single_label_classification")));
  EXPECT_THROW(classification_loss(logits, labels, "ranking"), ConfigError);
  EXPECT_THROW(
      classification_loss(logits, tensor_of<float>({1}, {1}), "single_label_classification"),
      DTypeError);
}

}  // namespace
}  // namespace vicinity::testing
