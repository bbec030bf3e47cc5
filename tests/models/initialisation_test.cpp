// Both published initialisations, parameter by parameter.
#include <cmath>
#include <regex>

#include "tests/support/tiny_models.h"

namespace vicinity::testing {
namespace {

struct Rule {
  const char* names;  // regular expression
  const char* kind;   // constant, normal, uniform
  double scale;
};

void expect_drawn(const std::vector<double>& values, const Rule& rule, const std::string& name) {
  SCOPED_TRACE(name);
  double sum = 0, squares = 0, most = 0;
  for (const double v : values) {
    sum += v;
    squares += v * v;
    most = std::max(most, std::abs(v));
  }
  const auto n = static_cast<double>(values.size());
  if (std::string(rule.kind) == "constant") {
    for (const double v : values) ASSERT_FLOAT_EQ(v, rule.scale);
    return;
  }
  const bool normal = std::string(rule.kind) == "normal";
  const double deviation = normal ? rule.scale : rule.scale / std::sqrt(3.0);
  EXPECT_NEAR(sum / n, 0, 5 * deviation / std::sqrt(n));
  EXPECT_NEAR(std::sqrt(squares / n), deviation, 5 * deviation / std::sqrt(2 * n));
  EXPECT_GT(most, normal ? 1.2 * deviation : 0.7 * rule.scale);
  EXPECT_LE(most, (normal ? 6 : 1 + 1e-6) * rule.scale);
}

// Every parameter is drawn as the first rule that its name matches says.
void check(const ModelConfig& config, const char* init, const std::vector<Rule>& rules) {
  const auto model = make_model(config, DType::f64);
  model->initialise(11, init);
  for (const NamedTensor& p : model->store().publish(model->store().value())) {
    const auto rule = std::find_if(rules.begin(), rules.end(), [&](const Rule& r) {
      return std::regex_search(p.name, std::regex(r.names));
    });
    ASSERT_NE(rule, rules.end()) << "no rule for " << p.name;
    expect_drawn(values_of<double>(p.tensor), *rule, p.name);
  }
}

const Rule kNormWeight{"norm[^.]*\\.weight$|layernorm_(before|after)\\.weight$", "constant", 1};
const Rule kNormBias{"norm[^.]*\\.bias$|layernorm_(before|after)\\.bias$", "constant", 0};

TEST(Initialisation, DinatOriginal) {
  check(tiny_dinat(), "original",
        {kNormWeight,
         kNormBias,
         {"layer_scale", "constant", 0.5},
         {"rpb", "normal", 0.02},
         {"projection\\.0\\.", "uniform", 1 / std::sqrt(27.0)},
         {"projection\\.1\\.", "uniform", 1 / std::sqrt(72.0)},
         {"reduction", "uniform", 1 / std::sqrt(144.0)},
         {"weight$", "normal", 0.02},
         {"bias$", "constant", 0}});
}

TEST(Initialisation, FanInDrawsLinearWeightsByTheirInputs) {
  check(tiny_dinat(), "fan_in",
        {kNormWeight,
         kNormBias,
         {"layer_scale", "constant", 0.5},
         {"rpb", "normal", 0.02},
         {"projection\\.0\\.", "uniform", 1 / std::sqrt(27.0)},
         {"projection\\.1\\.", "uniform", 1 / std::sqrt(72.0)},
         {"reduction", "uniform", 1 / std::sqrt(144.0)},
         {"bias$", "constant", 0},
         {"levels\\.0.*(query|key|value|attention\\.output|intermediate)", "uniform",
          1 / std::sqrt(16.0)},
         {"levels\\.0.*output", "uniform", 1 / std::sqrt(32.0)},
         {"levels\\.1.*(query|key|value|attention\\.output|intermediate)", "uniform",
          1 / std::sqrt(32.0)},
         {"levels\\.1.*output", "uniform", 1 / std::sqrt(64.0)},
         {"classifier", "uniform", 1 / std::sqrt(32.0)}});
}

TEST(Initialisation, DinatHuggingFace) {
  check(tiny_dinat(), "hf",
        {kNormWeight,
         kNormBias,
         {"layer_scale", "constant", 0.5},
         {"rpb", "constant", 0},
         {"weight$", "normal", 0.02},
         {"bias$", "constant", 0}});
}

TEST(Initialisation, Dinov2Original) {
  check(tiny_dinov2(), "original",
        {kNormWeight,
         kNormBias,
         {"lambda1", "constant", 1},
         {"mask_token", "constant", 0},
         {"cls_token|register_tokens", "normal", 1e-6},
         {"position_embeddings", "normal", 0.02},
         {"projection", "uniform", 1 / std::sqrt(147.0)},
         {"weight$", "normal", 0.02},
         {"bias$", "constant", 0}});
}

TEST(Initialisation, Dinov2HuggingFace) {
  check(tiny_dinov2(true), "hf",
        {kNormWeight,
         kNormBias,
         {"lambda1", "constant", 1},
         {"mask_token|register_tokens", "constant", 0},
         {"cls_token|position_embeddings", "normal", 0.02},
         {"weight$", "normal", 0.02},
         {"bias$", "constant", 0}});
}

TEST(Initialisation, IsAFunctionOfTheSeed) {
  const int before = cpu().threads();
  for (const auto& [name, config] : tiny_models()) {
    const auto a = make_model(config, DType::f32), b = make_model(config, DType::f32);
    cpu().set_threads(1);
    a->initialise(1, "original");
    cpu().set_threads(3);
    b->initialise(1, "original");
    EXPECT_TRUE(same_bits(a->store().value(), b->store().value())) << name;
    b->initialise(2, "original");
    EXPECT_FALSE(same_bits(a->store().value(), b->store().value())) << name;
  }
  cpu().set_threads(before);
}

TEST(Store, PaddingBetweenParametersStaysZero) {
  for (const auto& [name, config] : tiny_models()) {
    const auto model = make_model(config, DType::f32);
    model->initialise(1, "original");
    forward_backward(*model, tiny_batch(2), Pass{});
    ParameterStore& store = model->store();
    std::vector<bool> owned(static_cast<size_t>(store.value().size()));
    for (const Published& p : store.published()) {
      for (int64_t i = 0; i < p.size(); ++i) owned[static_cast<size_t>(p.offset + i)] = true;
    }
    const std::vector<float> value = values_of<float>(store.value()),
                             grad = values_of<float>(store.grad());
    for (size_t i = 0; i < owned.size(); ++i) {
      if (owned[i]) continue;
      ASSERT_EQ(value[i], 0) << name;
      ASSERT_EQ(grad[i], 0) << name;
    }
  }
}

TEST(Store, PublishingAndAdoptingAreInverse) {
  for (const auto& [name, config] : tiny_models()) {
    const auto model = tiny_model(config, DType::f32);
    ParameterStore& store = model->store();
    Tensor copy = zeros(store.value().shape(), DType::f32);
    const std::vector<NamedTensor> tensors = store.publish(store.value());
    for (size_t i = 0; i < tensors.size(); ++i)
      store.adopt(copy, store.published()[i], tensors[i].tensor);
    EXPECT_EQ(tensors.size(), store.published().size());
    for (size_t i = 0; i < tensors.size(); ++i) {
      EXPECT_TRUE(same_bits(store.publish(copy)[i].tensor, tensors[i].tensor)) << tensors[i].name;
    }
  }
}

}  // namespace
}  // namespace vicinity::testing
