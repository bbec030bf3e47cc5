// DiNAT beyond what the fixtures show: padding to the last digit, NAT as a special case, shapes,
// what becomes of small maps.
#include <cmath>

#include "core/config/config_reader.h"
#include "models/layers/neighborhood_attention.h"
#include "tests/support/tiny_models.h"

namespace vicinity::testing {
namespace {

// out[i] = ((a * row + b * column) mod m - shift) / divisor, over a [rows, columns] tensor.
Tensor pattern(int64_t rows, int64_t columns, int64_t a, int64_t b, int64_t m, double shift,
               double divisor) {
  Tensor x = empty({rows, columns}, DType::f64);
  for (int64_t i = 0; i < x.size(); ++i) {
    const int64_t value = (a * (i / columns) + b * (i % columns)) % m;
    x.data<double>()[i] = (static_cast<double>(value) - shift) / divisor;
  }
  return x;
}

void adopt(ParameterStore& store, const std::string& name, const Tensor& rows) {
  for (const Published& entry : store.published()) {
    if (entry.name == name) return store.adopt(store.value(), entry, rows.reshape(entry.shape));
  }
  FAIL() << "no parameter " << name;
}

// A worked example with every number a formula: a 4 x 7 map under kernel 3, dilation 2 is padded to
// 6 x 7, and the padding tokens carry the bias.
TEST(DinatPadding, WorkedExample) {
  NeighborhoodAttention layer(4, {.heads = 2, .kernel = 3, .dilation = 2}, true);
  ParameterStore store([&](ParameterVisitor& v) { v("", layer); }, {.dtype = DType::f64});
  const Tensor weight = pattern(12, 4, 2, 3, 5, 2, 5), bias = pattern(12, 1, 3, 0, 7, 3, 10);
  const char* parts[] = {"query", "key", "value"};
  for (int64_t i = 0; i < 3; ++i) {
    adopt(store, str("self.", parts[i], ".weight"), weight.slice(4 * i, 4 * i + 4));
    adopt(store, str("self.", parts[i], ".bias"), bias.slice(4 * i, 4 * i + 4));
  }
  adopt(store, "output.dense.weight", pattern(4, 4, 1, 2, 3, 1, 2));
  adopt(store, "output.dense.bias", pattern(4, 1, 1, 0, 100, 1.5, 10));
  Tensor rpb = empty({2, 5, 5}, DType::f64);
  for (int64_t i = 0; i < 50; ++i) {
    rpb.data<double>()[i] =
        static_cast<double>((i / 25 + 2 * (i / 5 % 5) + 3 * (i % 5)) % 5 - 2) / 10;
  }
  adopt(store, "self.rpb", rpb);
  Tensor x = empty({1, 4, 7, 4}, DType::f64);
  for (int64_t i = 0; i < x.size(); ++i) {
    x.data<double>()[i] =
        static_cast<double>((3 * (i / 28) + 5 * (i / 4 % 7) + 2 * (i % 4)) % 7 - 3) / 4;
  }
  Pass pass;
  pass.act = DType::f64;
  const std::vector<double> y = values_of<double>(layer(x, pass).value());
  const auto expect_pixel = [&](size_t row, size_t column, const std::vector<double>& expected) {
    for (size_t c = 0; c < 4; ++c) EXPECT_NEAR(y[(row * 7 + column) * 4 + c], expected[c], 6e-9);
  };
  expect_pixel(0, 0, {-0.01901645, -0.28238947, 0.15140592, 0.28098355});
  expect_pixel(1, 3, {-0.10298691, -0.18441214, 0.13739904, 0.19701309});
  expect_pixel(3, 6, {-0.05582966, -0.33882717, 0.24465682, 0.24417034});
  double sum = 0, absolute = 0;
  for (const double v : y) {
    sum += v;
    absolute += std::abs(v);
  }
  EXPECT_NEAR(sum, 1.235052606276432, 1e-12);
  EXPECT_NEAR(absolute, 21.534243571494557, 1e-12);
}

TEST(Dinat, WithoutDilationsIsNat) {
  for (const char* size : {"mini", "tiny", "base"}) {
    ModelConfig dinat, nat;
    ConfigTree dinat_tree, nat_tree;
    const std::string folder = str(VICINITY_SOURCE_DIR, "/configs/models/");
    dinat_tree.add_file(folder + "dinat_" + size + ".yaml");
    nat_tree.add_file(folder + "nat_" + size + ".yaml");
    read_config(dinat_tree, dinat);
    read_config(nat_tree, nat);
    for (auto& level : dinat.dinat.dilations) level.assign(level.size(), 1);
    EXPECT_EQ(dinat.dinat.dilations, nat.dinat.dilations) << size;
    EXPECT_EQ(dinat.dinat.depths, nat.dinat.depths) << size;
    EXPECT_EQ(dinat.dinat.layer_scale_init_value, nat.dinat.layer_scale_init_value) << size;
  }
}

// Weights do not depend on dilations: one checkpoint runs with any, and they change the result.
TEST(Dinat, DilationsChangeTheResultAndNoParameter) {
  ModelConfig dilated = tiny_dinat(), plain = tiny_dinat();
  plain.dinat.dilations = {{1, 1}, {1}};
  const auto a = tiny_model(dilated, DType::f64), b = tiny_model(plain, DType::f64);
  EXPECT_TRUE(same_bits(a->store().value(), b->store().value()));
  const Tensor images = tiny_batch(2).images;
  Pass pass;
  pass.act = DType::f64;
  EXPECT_GT(relative_error(a->logits(images, pass).value(), b->logits(images, pass).value()), 1e-4);
}

// The smallest model of Hugging Face's own tests.
TEST(Dinat, HuggingFaceTestModelHasItsShapes) {
  ModelConfig config;
  config.labels = class_names(10);
  config.dinat.embed_dim = 16;
  config.dinat.depths = {1, 2, 1};
  config.dinat.num_heads = {2, 4, 8};
  config.dinat.kernel_size = 3;
  config.dinat.dilations = {{3}, {1, 2}, {1}};
  config.dinat.mlp_ratio = 2;
  const auto model = tiny_model(config, DType::f32);
  EXPECT_EQ(model->parameter_count(), 78668);
  const Outputs outputs = model->outputs(
      cast(tiny_batch(2, 64).images, DType::f32),
      {.last_hidden_state = true, .hidden_states = true, .attentions = true, .logits = true}, {});
  EXPECT_EQ(outputs.logits.shape(), Shape({2, 10}));
  EXPECT_EQ(outputs.last_hidden_state.shape(), Shape({2, 4, 4, 64}));
  ASSERT_EQ(outputs.hidden_states.size(), 4u);
  EXPECT_EQ(outputs.hidden_states[0].shape(), Shape({2, 16, 16, 16}));
  EXPECT_EQ(outputs.hidden_states[1].shape(), Shape({2, 8, 8, 32}));
  ASSERT_EQ(outputs.attentions.size(), 3u);
  EXPECT_EQ(outputs.attentions[0].shape(), Shape({2, 2, 16, 16, 9}));
  for (const Tensor& p : outputs.attentions) {
    double row = 0;
    for (int64_t k = 0; k < 9; ++k) row += p.data<float>()[k];
    EXPECT_NEAR(row, 1, 1e-5);
  }
}

TEST(SmallMaps, PublishedSchedulesPadBelowTheirSize) {
  ModelConfig config;  // DiNAT-Mini
  EXPECT_TRUE(padded_levels(config, 224).empty());
  EXPECT_TRUE(padded_levels(config, 221).empty());
  EXPECT_FALSE(padded_levels(config, 220).empty());
  const std::vector<PaddedLevel> padded = padded_levels(config, 64);
  ASSERT_EQ(padded.size(), 4u);
  EXPECT_EQ(padded[0].map, 16);
  EXPECT_EQ(padded[0].kernel, 7);
  EXPECT_EQ(padded[0].dilation, 8);
  EXPECT_TRUE(padded_levels(tiny_dinov2(), 7).empty());
}

TEST(SmallMaps, TheNearestScheduleIsValidAndChangesNoMoreThanItMust) {
  for (const int64_t size : {28, 48, 64, 96, 128, 160, 200}) {
    ModelConfig config;
    const std::string keys = nearest_valid_schedule(config, size);
    if (keys.rfind("none", 0) == 0) {
      EXPECT_LT(map_size(size, 3), 3) << size;
      EXPECT_NE(keys.find("data.image_size=65 or more"), std::string::npos) << keys;
      EXPECT_NE(nearest_valid_schedule(config, 65).rfind("none", 0), 0u);
      continue;
    }
    ConfigTree tree;
    const size_t blank = keys.find(' ');
    if (blank != std::string::npos) tree.add_override(keys.substr(6, blank - 6));
    tree.add_override(keys.substr((blank == std::string::npos ? 0 : blank + 1) + 6));
    ModelConfig repaired;
    ASSERT_NO_THROW(read_config(tree, repaired.dinat)) << keys;
    EXPECT_TRUE(padded_levels(repaired, size).empty()) << size << ": " << keys;
    for (size_t level = 0; level < 4; ++level) {
      for (size_t i = 0; i < repaired.dinat.dilations[level].size(); ++i) {
        const int64_t most = map_size(size, static_cast<int>(level)) / repaired.dinat.kernel_size;
        EXPECT_EQ(repaired.dinat.dilations[level][i],
                  std::min<int64_t>(config.dinat.dilations[level][i], most));
      }
    }
  }
}

}  // namespace
}  // namespace vicinity::testing
