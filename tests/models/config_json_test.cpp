// config.json: every field has its effect, or a message that says why not.
#include <fstream>
#include <nlohmann/json.hpp>

#include "models/weights/config_json.h"
#include "models/weights/describe.h"
#include "models/weights/save.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_models.h"

namespace vicinity::testing {
namespace {

using Json = nlohmann::json;

class ConfigJson : public ::testing::Test {
 protected:
  ModelConfig read(const std::string& text) {
    std::ofstream(dir_.file("config.json")) << text;
    return read_config_json(dir_.file("config.json"));
  }
  std::string error(const std::string& text) {
    try {
      read(text);
    } catch (const DataError& error) {
      return error.message();
    }
    return "no DataError";
  }
  void expect_error(const std::string& text, const std::vector<std::string>& parts) {
    const std::string message = error(text);
    for (const std::string& part : parts)
      EXPECT_NE(message.find(part), std::string::npos) << part << "\nin: " << message;
  }
  TempDir dir_;
};

TEST_F(ConfigJson, EveryFieldOfDinat) {
  const ModelConfig config = read(R"({"model_type": "dinat", "patch_size": 4, "num_channels": 5,
      "embed_dim": 16, "depths": [2, 1], "num_heads": [2, 4], "kernel_size": 3,
      "dilations": [[1, 2], [1]], "mlp_ratio": 2.5, "qkv_bias": false, "hidden_dropout_prob": 0.1,
      "attention_probs_dropout_prob": 0.2, "drop_path_rate": 0.3, "hidden_act": "gelu_new",
      "initializer_range": 0.04, "layer_norm_eps": 1e-6, "layer_scale_init_value": 1e-5,
      "out_features": ["stem", "stage2"], "hidden_size": 512, "path_norm": true, "num_labels": 3})");
  const DinatConfig& c = config.dinat;
  EXPECT_EQ(c.num_channels, 5);
  EXPECT_EQ(c.embed_dim, 16);
  EXPECT_EQ(c.depths, (std::vector<int>{2, 1}));
  EXPECT_EQ(c.num_heads, (std::vector<int>{2, 4}));
  EXPECT_EQ(c.kernel_size, 3);
  EXPECT_EQ(c.dilations, (std::vector<std::vector<int>>{{1, 2}, {1}}));
  EXPECT_EQ(c.mlp_ratio, 2.5);
  EXPECT_FALSE(c.qkv_bias);
  EXPECT_EQ(c.hidden_dropout_prob, 0.1);
  EXPECT_EQ(c.attention_probs_dropout_prob, 0.2);
  EXPECT_EQ(c.drop_path_rate, 0.3);
  EXPECT_EQ(c.hidden_act, "gelu_new");
  EXPECT_EQ(c.initializer_range, 0.04);
  EXPECT_EQ(c.layer_norm_eps, 1e-6);
  EXPECT_EQ(c.layer_scale_init_value, 1e-5);
  EXPECT_EQ(config.backbone.stages, (std::vector<int>{0, 2}));
  EXPECT_EQ(config.labels.size(), 3);
}

TEST_F(ConfigJson, NumbersThatAreNoWholeOnes) {
  expect_error(R"({"model_type": "nat", "depths": [1, 2666666666666666666666666]})",
               {"depths", "e+24"});
  expect_error(R"({"model_type": "nat", "depths": [1.5]})", {"depths", "1.5"});
  expect_error(R"({"model_type": "dinov2", "num_labels": 1e300})", {"num_labels", "1e+300"});
  expect_error(R"({"model_type": "dinov2", "out_indices": [-1e30]})", {"out_indices", "-1e+30"});
  expect_error(R"({"model_type": "dinov2", "id2label": {"0": "a", "2": "b"}})",
               {"id2label has 2 names, but none for class 1"});
  expect_error(R"({"model_type": "dinov2", "id2label": ["a"]})", {"id2label is no object"});
  expect_error(R"({"model_type": "dinov2", "problem_type": "detection"})",
               {"problem_type", "detection", "regression"});
}

TEST_F(ConfigJson, ManyLabelsThereAndBack) {
  ModelConfig config;
  config.family = "dinov2";
  for (int i = 0; i < 21841; ++i) config.labels.push_back(str("class ", i));
  config.labels[7] = config.labels[3];
  const std::string text = config_json_text(config, {"float32", true});
  EXPECT_EQ(read(text).labels, config.labels);
  EXPECT_EQ(Json::parse(text).at("label2id").at("class 3"), 7);  // the last, as in Python
  EXPECT_EQ(Json::parse(text).at("label2id").size(), 21840u);
}

TEST_F(ConfigJson, EveryFieldOfDinov2) {
  const ModelConfig config = read(R"({"model_type": "dinov2_with_registers", "hidden_size": 24,
      "num_hidden_layers": 3, "num_attention_heads": 4, "mlp_ratio": 3, "hidden_act": "relu",
      "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.2, "initializer_range": 0.03,
      "layer_norm_eps": 1e-5, "image_size": [42, 42], "patch_size": 7, "num_channels": 1,
      "qkv_bias": false, "layerscale_value": 0.5, "drop_path_rate": 0.2, "use_swiglu_ffn": true,
      "num_register_tokens": 2, "out_indices": [0, 3], "apply_layernorm": false,
      "reshape_hidden_states": false, "problem_type": "multi_label_classification",
      "use_mask_token": true, "out_features": null})");
  const Dinov2Config& c = config.dinov2;
  EXPECT_EQ(c.hidden_size, 24);
  EXPECT_EQ(c.num_hidden_layers, 3);
  EXPECT_EQ(c.num_attention_heads, 4);
  EXPECT_EQ(c.mlp_ratio, 3);
  EXPECT_EQ(c.hidden_act, "relu");
  EXPECT_EQ(c.hidden_dropout_prob, 0.1);
  EXPECT_EQ(c.attention_probs_dropout_prob, 0.2);
  EXPECT_EQ(c.initializer_range, 0.03);
  EXPECT_EQ(c.layer_norm_eps, 1e-5);
  EXPECT_EQ(c.image_size, 42);
  EXPECT_EQ(c.patch_size, 7);
  EXPECT_EQ(c.num_channels, 1);
  EXPECT_FALSE(c.qkv_bias);
  EXPECT_EQ(c.layerscale_value, 0.5);
  EXPECT_EQ(c.drop_path_rate, 0.2);
  EXPECT_TRUE(c.use_swiglu_ffn);
  EXPECT_EQ(c.num_register_tokens, 2);
  EXPECT_EQ(c.position_interpolation, "antialias");
  EXPECT_EQ(config.backbone.stages, (std::vector<int>{0, 3}));
  EXPECT_FALSE(config.backbone.apply_layernorm || config.backbone.reshape_hidden_states);
  EXPECT_EQ(config.problem_type, "multi_label_classification");
  EXPECT_EQ(config.labels, (std::vector<std::string>{"LABEL_0", "LABEL_1"}));
}

// Hugging Face's defaults, not those of the published models.
TEST_F(ConfigJson, FieldsLeftOutHaveTheDefaultsOfTheClass) {
  const ModelConfig dinov2 = read(R"({"model_type": "dinov2"})");
  EXPECT_EQ(dinov2.dinov2.image_size, 224);
  EXPECT_EQ(dinov2.dinov2.patch_size, 16);
  EXPECT_EQ(dinov2.dinov2.hidden_size, 768);
  EXPECT_EQ(dinov2.dinov2.position_interpolation, "hf437");
  EXPECT_EQ(read(R"({"model_type": "dinov2_with_registers"})").dinov2.num_register_tokens, 4);
  const ModelConfig dinat = read(R"({"model_type": "dinat"})");
  EXPECT_EQ(dinat.dinat.drop_path_rate, 0.1);
  EXPECT_EQ(dinat.dinat.dilations[1], (std::vector<int>{1, 4, 1, 4}));
}

TEST_F(ConfigJson, WhatIsWrittenReadsBack) {
  for (auto [name, config] : tiny_models()) {
    config.problem_type = "regression";
    config.backbone = {{0, 2}, true, true};
    config.dinat.initializer_range = config.dinov2.initializer_range = 0.05;
    const ModelConfig again = read(config_json_text(config, {}));
    EXPECT_EQ(again.problem_type, "regression");
    EXPECT_EQ(again.backbone.stages, config.backbone.stages);
    EXPECT_EQ(config_json_text(again, {}), config_json_text(config, {})) << name;
  }
  const Json bare = Json::parse(config_json_text(tiny_dinov2(), {"float32", false}));
  EXPECT_EQ(bare["architectures"], Json({"Dinov2WithRegistersModel"}));
  EXPECT_FALSE(bare.contains("id2label"));
}

// Found by fuzzing: no labels are written as such, for nothing at all means two.
TEST_F(ConfigJson, NoClassesStayNone) {
  const ModelConfig none = read(R"({"model_type": "dinat", "num_labels": 0})");
  EXPECT_TRUE(none.labels.empty());
  EXPECT_TRUE(read(config_json_text(none, {})).labels.empty());
  expect_error(R"({"model_type": "dinov2", "num_hidden_layers": 2000000000})", {"1000"});
}

TEST_F(ConfigJson, NatIsReadAsUndilatedDinat) {
  const ModelConfig config =
      read(R"({"model_type": "nat", "embed_dim": 64, "depths": [3, 4, 18, 5], "mlp_ratio": 3.0,
               "num_heads": [2, 4, 8, 16], "kernel_size": 7, "id2label": {"0": "a", "1": "b"}})");
  EXPECT_EQ(config.family, "dinat");
  EXPECT_EQ(config.dinat.dilations[2], std::vector<int>(18, 1));
  EXPECT_EQ(config.labels, (std::vector<std::string>{"a", "b"}));
}

TEST_F(ConfigJson, WhatIsWrongIsNamed) {
  EXPECT_NE(error(R"({"model_type": "resnet"})").find("'resnet' is not supported"),
            std::string::npos);
  expect_error(R"({"model_type": )", {"is damaged"});
  expect_error(R"([1])", {"is damaged"});
  expect_error(R"({"model_type": "dinat", "id2label": {"3": "x"}})", {"none for class 0"});
  expect_error(R"({"model_type": "dinat", "patch_size": 8})",
               {"config.json", "patch_size = 8", "4"});
  expect_error(R"({"model_type": "dinov2", "hidden_act": "quick_gelu"})",
               {"hidden_act", "quick_gelu", "gelu_pytorch_tanh"});
  expect_error(R"({"model_type": "dinov2", "num_channels": 17})", {"num_channels = 17", "16"});
  expect_error(R"({"model_type": "dinov2", "image_size": [224, 448]})", {"[224,448]", "square"});
  expect_error(R"({"model_type": "dinov2", "num_register_tokens": 4})", {"dinov2_with_registers"});
  expect_error(R"({"model_type": "dinov2", "hidden_size": null})", {"hidden_size is null"});
  expect_error(R"({"model_type": "dinov2", "hidden_size": "wide"})", {"hidden_size", "integer"});
  expect_error(R"({"model_type": "dinov2", "pruned_heads": {"1": [0]}})", {"pruned_heads"});
  expect_error(R"({"model_type": "dinov2", "quantization_config": {"bits": 4}})",
               {"quantization_config"});
  expect_error(R"({"model_type": "dinat", "dilations": [[1, 8], [1, 4, 1, 4], [1], [1]]})",
               {"level 0 has 2 entries for 3 blocks"});
  expect_error(R"({"model_type": "dinat", "out_features": ["stage5"]})", {"stage5", "stage4"});
  expect_error(R"({"model_type": "dinat", "out_indices": [5]})", {"5", "4"});
  expect_error(R"({"model_type": "dinat", "out_features": ["stem"], "out_indices": [1]})",
               {"different stages"});
  expect_error(R"({"model_type": "dinat", "num_labels": 3, "id2label": {"0": "a"}})", {"3", "1"});
  expect_error(R"({"model_type": "dinat", "num_labels": -1})", {"num_labels = -1"});
}

// The wrong hidden_size of every published DiNAT is passed over in silence, a field that nobody
// knows is not.
TEST_F(ConfigJson, UnknownFieldsAreWarnedOf) {
  ::testing::internal::CaptureStderr();
  read(R"({"model_type": "dinat", "hidden_size": 512, "path_norm": true, "pruned_heads": {}})");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  ::testing::internal::CaptureStderr();
  read(R"({"model_type": "dinat", "qk_scale": 3})");
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("qk_scale = 3"), std::string::npos);
}

// initializer_range is the deviation of every normal draw of Hugging Face's initialisation.
TEST_F(ConfigJson, InitializerRangeScalesTheDraws) {
  ModelConfig config = tiny_dinov2();
  const auto one = make_model(config, DType::f32);
  one->initialise(3, "hf");
  config.dinov2.initializer_range = 0.04;
  const auto two = make_model(config, DType::f32);
  two->initialise(3, "hf");
  for (const Published& p : one->store().published()) {
    const float a = one->store().value().data<float>()[p.offset],
                b = two->store().value().data<float>()[p.offset];
    const bool drawn = p.name.ends_with("query.weight") || p.name.ends_with("cls_token");
    EXPECT_NEAR(b, drawn ? 2 * a : a == 0 || a == 1 ? a : 2 * a, 1e-6) << p.name;
  }
}

TEST_F(ConfigJson, ContradictionsWithTheWeightsNameBothValues) {
  const auto check = [&](const ModelConfig& config, const std::string& field, const Json& value,
                         const std::vector<std::string>& parts) {
    save_hf(*tiny_model(config, DType::f32), dir_.path());
    Json json = Json::parse(std::ifstream(dir_.file("config.json")));
    json[field] = value;
    std::ofstream(dir_.file("config.json")) << json;
    std::string message;
    try {
      describe_model(dir_.path());
    } catch (const DataError& error) {
      message = error.message();
    }
    for (const std::string& part : parts)
      EXPECT_NE(message.find(part), std::string::npos) << field << ": " << message;
  };
  check(tiny_dinat(), "kernel_size", 5, {"kernel_size = 5", "has 3", "rpb"});
  check(tiny_dinat(), "mlp_ratio", 3, {"mlp_ratio = 3", "has 2", "intermediate.dense.weight"});
  check(tiny_dinat(), "num_heads", {4, 4}, {"num_heads = [4, 4]", "has [2, 4]"});
  check(tiny_dinat(), "layer_scale_init_value", 0, {"layer_scale_init_value = 0"});
  check(tiny_dinat(), "qkv_bias", false, {"qkv_bias = false", "has true"});
  check(tiny_dinat(), "embed_dim", 32, {"embed_dim = 32", "has 16"});
  check(tiny_dinat(), "id2label", {{"0", "a"}}, {"names 1 classes", "classifier of 4"});
  check(tiny_dinov2(), "image_size", 42, {"image_size = 42", "has 35", "position_embeddings"});
  check(tiny_dinov2(), "num_hidden_layers", 3, {"num_hidden_layers = 3", "has 2"});
  check(tiny_dinov2(), "num_register_tokens", 4, {"num_register_tokens = 4", "has 2"});
  check(tiny_dinov2(), "use_swiglu_ffn", true, {"use_swiglu_ffn = true", "has false"});
  check(tiny_dinov2(true), "mlp_ratio", 8, {"mlp_ratio = 8", "has 4"});
  check(tiny_dinov2(), "patch_size", 5, {"patch_size = 5", "has 7"});
}

}  // namespace
}  // namespace vicinity::testing
