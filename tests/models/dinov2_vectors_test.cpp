// DINOv2 at sizes that fit on a page, against numbers computed independently in double precision:
// parameters and image are sines, so nothing needs a file.
#include <cmath>

#include "models/dinov2/dinov2.h"
#include "tests/support/tiny_models.h"

namespace vicinity::testing {
namespace {

struct Vector {
  const char* name;
  bool swiglu;
  int registers;
  const char* mode;
  int64_t height, width;
  bool masked;
  std::vector<double> cls, token1, last, logits;
};

void PrintTo(const Vector& v, std::ostream* out) { *out << v.name; }

std::vector<Vector> vectors() {
  return {
      {"A_stored_positions",
       false,
       0,
       "hf437",
       8,
       8,
       false,
       {2.3269535, 0.3710153, 0.2265901, -1.6483525, -0.3373361, -1.0951172, 0.6049256, -0.4061395},
       {0.1971456, -1.1833050, 1.5517591, 0.8315053, -1.1297983, -0.8465667, 1.3800855, -0.7483453},
       {1.2690710, -0.7898386, 0.8209578, 0.8062150, -0.1460645, -2.3368248, 0.6777452, -0.2179497},
       {0.2222507, 0.1583429, 0.0745112}},
      {"B_hf437",
       false,
       0,
       "hf437",
       6,
       10,
       false,
       {2.3271663, 0.3740278, 0.2173843, -1.6481851, -0.3420047, -1.0913148, 0.6087288, -0.4040300},
       {-0.3795327, -0.7277738, 2.1094213, 0.1376674, -1.0271743, -0.2944190, 1.2934656,
        -1.0314740},
       {0.1809715, 1.7197510, 0.2969562, -1.5077624, 1.5956237, -0.5473632, -1.3564030, -0.2244969},
       {0.1995292, 0.1382747, 0.0597144}},
      {"C_size",
       false,
       0,
       "size",
       6,
       10,
       false,
       {2.3261688, 0.3753256, 0.2175192, -1.6479471, -0.3414771, -1.0923105, 0.6098801, -0.4052701},
       {},
       {},
       {0.1972264, 0.1352979, 0.0564521}},
      {"D_swiglu",
       true,
       0,
       "hf437",
       8,
       8,
       false,
       {1.9987076, -1.0939114, 1.6615663, -0.8234058, -0.0540683, -0.0854154, -1.2795724,
        -0.1902987},
       {-0.2962570, -1.8134404, 0.9831755, 0.5857706, -0.5783336, -0.1685301, 1.6734503,
        -0.4440361},
       {},
       {0.5292650, 0.6111137, 0.6139700}},
      {"E_registers_antialias",
       false,
       2,
       "antialias",
       6,
       10,
       false,
       {0.8440406, 1.1663072, 1.4028088, 0.3582707, -0.2287377, -1.3199908, -1.2353799, -1.3021733},
       {1.1073719, 1.2474352, 1.3283064, 0.1656406, -0.4113280, -1.4241792, -1.1898462, -1.1308457},
       {-0.0659822, 1.4269742, 1.5572507, -0.4054916, 0.1664449, -0.2733314, -1.2329612,
        -1.5869969},
       {-0.4238586, -0.2807659, -0.1000847}},
      {"F_masked",
       false,
       0,
       "hf437",
       8,
       8,
       true,
       {2.2558979, 0.4858528, 0.2036708, -1.6315966, -0.3288077, -1.1471828, 0.6846251, -0.4745457},
       {1.9131507, 0.3709896, 0.2827986, -1.7772100, -0.2202025, -1.1977314, 1.0357358, -0.3957486},
       {},
       {0.1110254, 0.0666974, 0.0144015}}};
}

// The order in which tensors are numbered.
std::vector<std::string> names_in_order(const Vector& v) {
  std::vector<std::string> names = {"embeddings.cls_token", "embeddings.mask_token"};
  if (v.registers > 0) names.push_back("embeddings.register_tokens");
  for (const char* name : {"position_embeddings", "patch_embeddings.projection.weight",
                           "patch_embeddings.projection.bias"})
    names.push_back(str("embeddings.", name));
  const std::string first = v.swiglu ? "mlp.weights_in" : "mlp.fc1",
                    second = v.swiglu ? "mlp.weights_out" : "mlp.fc2";
  for (int layer = 0; layer < 2; ++layer) {
    const auto pair = [&](const std::string& name) {
      for (const char* kind : {".weight", ".bias"})
        names.push_back(str("encoder.layer.", layer, ".", name, kind));
    };
    pair("norm1");
    for (const char* name : {"query", "key", "value"}) pair(str("attention.attention.", name));
    pair("attention.output.dense");
    names.push_back(str("encoder.layer.", layer, ".layer_scale1.lambda1"));
    for (const std::string& name : {std::string("norm2"), first, second}) pair(name);
    names.push_back(str("encoder.layer.", layer, ".layer_scale2.lambda1"));
  }
  for (const char* name :
       {"layernorm.weight", "layernorm.bias", "classifier.weight", "classifier.bias"})
    names.push_back(name);
  return names;
}

double parameter_value(const std::string& name, int64_t tensor, int64_t i) {
  const double base =
      std::sin(0.37 * static_cast<double>(i + 1) + 0.91 * static_cast<double>(tensor));
  if (name.find("lambda1") != std::string::npos) return 0.5 + 0.1 * base;
  if (name.find("norm") != std::string::npos && name.ends_with("weight")) return 1 + 0.1 * base;
  return 0.2 * base;
}

class Dinov2Vectors : public ::testing::TestWithParam<Vector> {
 protected:
  std::unique_ptr<Dinov2> model(DType dtype) const {
    ModelConfig config;
    config.family = "dinov2";
    config.labels = class_names(3);
    config.dinov2.hidden_size = 8;
    config.dinov2.num_hidden_layers = 2;
    config.dinov2.num_attention_heads = 2;
    config.dinov2.image_size = 8;
    config.dinov2.patch_size = 2;
    config.dinov2.use_swiglu_ffn = GetParam().swiglu;
    config.dinov2.num_register_tokens = GetParam().registers;
    config.dinov2.position_interpolation = GetParam().mode;
    auto model = std::make_unique<Dinov2>(config, Storing{.dtype = dtype});
    fill(model->store());
    return model;
  }

  static void fill(ParameterStore& store) {
    const std::vector<std::string> order = names_in_order(GetParam());
    size_t filled = 0;
    for (const Published& entry : store.published()) {
      for (size_t t = 0; t < order.size(); ++t) {
        if (!entry.name.ends_with(order[t])) continue;
        Tensor tensor = empty(entry.shape, DType::f64);
        for (int64_t i = 0; i < tensor.size(); ++i) {
          tensor.data<double>()[i] = parameter_value(order[t], static_cast<int64_t>(t) + 1, i);
        }
        store.adopt(store.value(), entry, tensor);
        ++filled;
      }
    }
    ASSERT_EQ(filled, order.size());
    ASSERT_EQ(filled, store.published().size());
  }

  // [1, H, W, 3] of sines numbered channel by channel.
  static Tensor image(DType dtype) {
    const int64_t h = GetParam().height, w = GetParam().width;
    Tensor x = empty({1, h, w, 3}, DType::f64);
    for (int64_t i = 0; i < x.size(); ++i) {
      const int64_t channel = i % 3, pixel = i / 3;
      x.data<double>()[i] = std::sin(0.1 * static_cast<double>(channel * h * w + pixel) + 0.5);
    }
    return cast(x, dtype);
  }

  static Tensor mask() {
    if (!GetParam().masked) return {};
    std::vector<uint8_t> values;
    for (int k = 0; k < 16; ++k) values.push_back(k % 3 == 0 ? 1 : 0);
    return tensor_of<uint8_t>({1, 16}, values);
  }
};

void expect_row(const std::vector<double>& expected, const Tensor& x, int64_t row, double tolerance,
                const char* what) {
  const Tensor wide = cast(x, DType::f64);
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(wide.data<double>()[row * x.dim(-1) + static_cast<int64_t>(i)], expected[i],
                tolerance)
        << what << " " << i;
  }
}

TEST_P(Dinov2Vectors, MatchTheirNumbers) {
  const Vector& v = GetParam();
  for (const DType dtype : {DType::f64, DType::f32}) {
    SCOPED_TRACE(name_of(dtype));
    // Seven digits are printed; the float32 step of 4.37.2's interpolation moves B by 3e-7.
    const double tolerance = dtype == DType::f64 ? 4e-7 : 5e-6;
    const auto model = this->model(dtype);
    const Outputs outputs = model->outputs(
        image(dtype),
        {.last_hidden_state = true, .hidden_states = true, .attentions = true, .logits = true},
        {.act = dtype, .bool_masked_pos = mask()});
    const Tensor &tokens = outputs.last_hidden_state, &logits = outputs.logits;
    expect_row(v.cls, tokens, 0, tolerance, "class token");
    expect_row(v.token1, tokens, 1, tolerance, "token 1");
    expect_row(v.last, tokens, tokens.dim(1) - 1, tolerance, "last token");
    expect_row(v.logits, logits, 0, tolerance, "logits");
    if (std::string(v.name) != "A_stored_positions") continue;
    expect_row({0.1999193, 0.1348658, 0.0515589, -0.0387263, -0.1237701, -0.1920621, -0.2343595,
                -0.2449374},
               outputs.hidden_states[0], 0, tolerance, "embedding");
    expect_row(
        {0.0890711, -0.3334880, -0.0551226, 0.4691978, 0.1459003, -0.0137332, 0.5139190, 0.4197986},
        outputs.hidden_states[0], 16, tolerance, "last embedding");
    expect_row({0.7520518, 0.4338391, 0.2996001, -0.1572754, -0.2118539, -0.4585620, -0.3025731,
                -0.3624376},
               outputs.hidden_states[1], 0, tolerance, "after layer 1");
    ASSERT_EQ(outputs.attentions.size(), 2u);
    EXPECT_EQ(outputs.attentions[0].shape(), Shape({1, 2, 17, 17}));
    expect_row({0.1873776, 0.0369667, 0.0505809, 0.0357033}, outputs.attentions[0], 0, tolerance,
               "attention");
    const Tensor loss = cross_entropy(logits, {.first = tensor_of<int32_t>({1}, {1})});
    expect_row({1.0937941}, loss.reshape({1, 1}), 0, tolerance, "loss");
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, Dinov2Vectors, ::testing::ValuesIn(vectors()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace vicinity::testing
