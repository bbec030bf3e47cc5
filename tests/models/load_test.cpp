// The load table: what is resized and how, what is new and why, and what is refused.
#include <cmath>

#include "core/ops/position_interpolation.h"
#include "models/weights/contents.h"
#include "models/weights/describe.h"
#include "models/weights/load.h"
#include "models/weights/locate.h"
#include "models/weights/safetensors.h"
#include "models/weights/save.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_models.h"

namespace vicinity::testing {
namespace {

class Load : public ::testing::Test {
 protected:
  void save(const ModelConfig& config) { save_hf(*tiny_model(config, DType::f32, 7), dir_.path()); }

  // Rewrites the tensors of the saved model.
  template <class Change>
  void rewrite(Change&& change) {
    std::vector<NamedTensor> tensors;
    {
      const SafetensorsFile file(dir_.file("model.safetensors"));
      for (const auto& [name, entry] : file.entries()) tensors.push_back({name, file.read(name)});
    }
    change(tensors);
    write_safetensors(dir_.file("model.safetensors"), tensors);
  }
  Tensor saved(const std::string& name) const {
    return SafetensorsFile(dir_.file("model.safetensors")).read(name);
  }
  LoadReport load(const ModelConfig& config, const LoadOptions& options = {}) {
    model_ = tiny_model(config, DType::f32, 9);
    return load_weights(*model_, dir_.path(), options);
  }
  Tensor part(const std::string& name) const {
    for (const NamedTensor& t : model_->store().publish(model_->store().value())) {
      if (t.name == name) return t.tensor;
    }
    return {};
  }
  template <class Work>
  void expect_error(Work&& work, const std::vector<std::string>& parts) {
    std::string message = "no DataError";
    try {
      work();
    } catch (const DataError& error) {
      message = error.message();
    }
    for (const std::string& text : parts)
      EXPECT_NE(message.find(text), std::string::npos) << text << "\nin: " << message;
  }

  TempDir dir_;
  std::unique_ptr<Model> model_;
};

constexpr const char* kRpb = "dinat.encoder.levels.0.layers.0.attention.self.rpb";

// Plain bicubic interpolation of one value, written from its definition: a = -0.75, edges repeated,
// sampled at (i + 0.5) * from / to - 0.5.
double bicubic(const std::vector<float>& table, int64_t from, int64_t to, int64_t row,
               int64_t column) {
  const auto weight = [](double x) {
    x = std::abs(x);
    const double a = -0.75;
    if (x <= 1) return (a + 2) * x * x * x - (a + 3) * x * x + 1;
    return x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a : 0.0;
  };
  const auto at = [&](int64_t i) { return (i + 0.5) * from / static_cast<double>(to) - 0.5; };
  double sum = 0;
  for (int64_t y = -2; y < from + 2; ++y) {
    for (int64_t x = -2; x < from + 2; ++x) {
      const int64_t cy = std::clamp<int64_t>(y, 0, from - 1),
                    cx = std::clamp<int64_t>(x, 0, from - 1);
      sum += weight(at(row) - y) * weight(at(column) - x) * table[cy * from + cx];
    }
  }
  return sum;
}

TEST_F(Load, RelativePositionBiasIsResizedToAnotherKernel) {
  save(tiny_dinat());
  ModelConfig wider = tiny_dinat();
  wider.dinat.kernel_size = 5;
  const LoadReport report = load(wider);
  EXPECT_EQ(report.matched, 1);
  ASSERT_EQ(report.resized.size(), 3);
  EXPECT_EQ(report.resized[0].from, Shape({2, 5, 5}));
  EXPECT_EQ(report.resized[0].to, Shape({2, 9, 9}));
  EXPECT_NE(report.text().find("[2, 5, 5] -> [2, 9, 9], bicubic: kernel 3 to 5"), std::string::npos)
      << report.text();
  const std::vector<float> table = values_of<float>(saved(kRpb)),
                           got = values_of<float>(part(kRpb));
  for (int64_t i = 0; i < 9; ++i) {
    for (int64_t j = 0; j < 9; ++j)
      EXPECT_NEAR(got[i * 9 + j], bicubic(table, 5, 9, i, j), 1e-6) << i << " " << j;
  }
}

TEST_F(Load, PositionsAreResampledInTheModelsMode) {
  for (const char* mode : {"hf437", "size", "antialias"}) {
    save(tiny_dinov2());
    ModelConfig larger = tiny_dinov2();
    larger.dinov2.image_size = 49;
    larger.dinov2.position_interpolation = mode;
    const LoadReport report = load(larger);
    ASSERT_EQ(report.resized.size(), 1);
    EXPECT_EQ(report.resized[0].method, std::string("bicubic, ") + mode);
    const Tensor table = saved("dinov2_with_registers.embeddings.position_embeddings");
    const Tensor expected =
        interpolate_positions(table.reshape({26, 32}), 7, 7, parse_position_mode(mode));
    EXPECT_TRUE(same_bits(part("dinov2_with_registers.embeddings.position_embeddings"),
                          expected.reshape({1, 50, 32})));
  }
}

// timm's rule: the sum for one channel; else the three in turn, times 3 / C. So an image whose
// channels are equal gives what it gave before.
TEST_F(Load, TheFirstLayerIsAdaptedToOtherChannels) {
  for (const bool dinat : {true, false}) {
    for (const int channels : {1, 2, 4, 16}) {
      ModelConfig config = dinat ? tiny_dinat() : tiny_dinov2();
      save(config);
      (dinat ? config.dinat.num_channels : config.dinov2.num_channels) = channels;
      const LoadReport report = load(config);
      ASSERT_EQ(report.resized.size(), 1);
      EXPECT_EQ(report.matched, 1);
      const std::string name = report.resized[0].name;
      const std::vector<float> before = values_of<float>(saved(name)),
                               after = values_of<float>(part(name));
      const int64_t area = saved(name).dim(2) * saved(name).dim(3);
      const auto old = [&](int64_t c) { return before[c % 3 * area + 4]; };
      for (int64_t c = 0; c < channels; ++c) {
        const double expected = channels == 1 ? old(0) + old(1) + old(2) : old(c) * 3.0 / channels;
        EXPECT_NEAR(after[c * area + 4], expected, 1e-6) << channels << " " << c;
      }
      const Tensor images = cast(random_tensor({2, 28, 28, channels}, 3), DType::f32);
      EXPECT_EQ(model_->logits(images, Pass{}).value().shape(), Shape({2, 4}));
    }
  }
  ModelConfig four = tiny_dinat();
  four.dinat.num_channels = 4;
  save(four);
  four.dinat.num_channels = 5;
  expect_error([&] { load(four); }, {"[8, 4, 3, 3]", "[8, 5, 3, 3]"});
}

TEST_F(Load, WhatDiffersIsExplained) {
  save(tiny_dinov2());
  ModelConfig other = tiny_dinov2();
  other.labels = class_names(7);
  other.dinov2.num_register_tokens = 3;
  const std::string text = load(other).text();
  EXPECT_NE(text.find("the file has 4 classes, the model 7"), std::string::npos) << text;
  EXPECT_NE(text.find("the file has 2 register tokens, the model 3"), std::string::npos) << text;
  other.dinov2.num_register_tokens = 0;
  const LoadReport report = load(other);
  EXPECT_NE(report.text().find("they are left out"), std::string::npos) << report.text();
  EXPECT_EQ(report.unused,
            (std::vector<std::string>{"classifier.bias", "classifier.weight",
                                      "dinov2_with_registers.embeddings.register_tokens"}));
}

TEST_F(Load, ManyNamesAreShortened) {
  save(tiny_dinov2());
  const LoadReport report = load(tiny_dinov2());
  EXPECT_GT(report.loaded.size(), 8);
  EXPECT_NE(report.text().find("more)"), std::string::npos) << report.text();
  EXPECT_NE(report.text().find("new      0"), std::string::npos) << report.text();
}

TEST_F(Load, TooLittleIsRefusedUnlessAllowed) {
  save(tiny_dinov2());
  ModelConfig deeper = tiny_dinov2();
  deeper.dinov2.num_hidden_layers = 4;
  expect_error([&] { load(deeper); }, {"model.min_match = 0.9", "another architecture", "new"});
  const LoadReport report = load(deeper, {.min_match = 0.4});
  EXPECT_LT(report.matched, 0.7);
  EXPECT_GT(report.matched, 0.4);
}

TEST_F(Load, BadValuesAndTypesAreNamed) {
  save(tiny_dinat());
  rewrite([](std::vector<NamedTensor>& tensors) {
    for (NamedTensor& t : tensors) {
      if (t.name != kRpb) continue;
      t.tensor.data<float>()[3] = std::nanf("");
      t.tensor.data<float>()[7] = INFINITY;
    }
  });
  expect_error([&] { load(tiny_dinat()); }, {"2 of the 50 values", kRpb, "NaN or infinite"});
  save(tiny_dinat());
  rewrite([](std::vector<NamedTensor>& tensors) {
    for (NamedTensor& t : tensors) {
      if (t.name == kRpb) t.tensor = tensor_of<int64_t>({2, 5, 5}, std::vector<int64_t>(50, 1));
    }
  });
  expect_error([&] { load(tiny_dinat()); }, {kRpb, "of type I64", "F32"});
}

TEST_F(Load, FilesOfOtherModelsAreRefused) {
  write_safetensors(dir_.file("model.safetensors"), {{"conv1.weight", zeros({2}, DType::f32)},
                                                     {"fc.bias", zeros({2}, DType::f32)}});
  expect_error([&] { load(tiny_dinat()); }, {"no model that is known here", "'conv1.weight'"});
  write_safetensors(dir_.file("model.safetensors"),
                    {{"patch_embed.proj.weight", zeros({4, 3, 4, 4}, DType::f32)},
                     {"layers.0.blocks.0.attn.rpb", zeros({2, 5, 5}, DType::f32)}});
  expect_error([&] { load(tiny_dinat()); }, {"DiNAT_s"});
  write_safetensors(dir_.file("head.safetensors"),
                    {{"weight", zeros({4, 80}, DType::f32)}, {"bias", zeros({4}, DType::f32)}});
  save(tiny_dinov2());
  expect_error([&] { load(tiny_dinov2(), {.head = dir_.file("head.safetensors")}); },
               {"[4, 80]", "[4, 64]"});
  expect_error([&] { load(tiny_dinov2(), {.head = dir_.file("model.safetensors")}); },
               {"not a linear head"});
}

// What the shapes of a file without a config.json tell, for every model.
TEST_F(Load, ShapesTellTheArchitecture) {
  for (const auto& [name, config] : tiny_models()) {
    SCOPED_TRACE(name);
    save(config);
    std::filesystem::remove(dir_.file("config.json"));
    const DescribedModel described = describe_model(dir_.path());
    ModelConfig expected = config;
    if (config.family == "dinat") {
      EXPECT_EQ(described.missing, std::vector<std::string>{"dilations"});
      EXPECT_EQ(described.config.dinat.depths, config.dinat.depths);
      EXPECT_EQ(described.config.dinat.num_heads, config.dinat.num_heads);
      EXPECT_EQ(described.config.dinat.kernel_size, 3);
      EXPECT_EQ(described.config.dinat.mlp_ratio, 2);
      EXPECT_GT(described.config.dinat.layer_scale_init_value, 0);
    } else {
      EXPECT_EQ(described.missing, std::vector<std::string>{"num_attention_heads"});
      EXPECT_EQ(described.config.dinov2.num_hidden_layers, 2);
      EXPECT_EQ(described.config.dinov2.image_size, 35);
      EXPECT_EQ(described.config.dinov2.patch_size, 7);
      EXPECT_EQ(described.config.dinov2.num_register_tokens, 2);
      EXPECT_EQ(described.config.dinov2.use_swiglu_ffn, config.dinov2.use_swiglu_ffn);
      EXPECT_EQ(described.config.dinov2.ffn_width(), config.dinov2.ffn_width());
      EXPECT_EQ(described.config.dinov2.position_interpolation, "antialias");
    }
    EXPECT_EQ(described.config.labels.size(), 4);
    EXPECT_TRUE(contradictions(config, described.inferred).empty());
  }
}

TEST_F(Load, WhereThereIsNothingTheDownloadIsNamed) {
  const auto has = [](const std::string& path, const std::vector<std::string>& parts) {
    const std::string text = no_weights_text(path);
    for (const std::string& part : parts)
      EXPECT_NE(text.find(part), std::string::npos) << part << "\nin: " << text;
  };
  has("facebook/dinov2-small", {"config.json model.safetensors preprocessor_config.json",
                                "hf download facebook/dinov2-small",
                                "https://huggingface.co/facebook/dinov2-small/resolve/main/"});
  has("dinov2-small/", {"hf download facebook/dinov2-small"});
  has("shi-labs/dinat-mini-in1k-224", {"pytorch_model.bin", "hf download shi-labs/dinat-mini"});
  has("down/dinov2_vits14_reg4_pretrain.pth",
      {"https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/dinov2_vits14_reg4_pretrain.pth"});
  for (const char* path : {"/data/x/y", "./dinov2-small", "a b/c", "x/$(rm)", "runs/a/b"})
    EXPECT_EQ(no_weights_text(path).find("hf download"), std::string::npos) << path;
}

}  // namespace
}  // namespace vicinity::testing
