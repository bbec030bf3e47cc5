// What Hugging Face's DiNAT and DINOv2 compute (tests/fixtures/README.md), ours must: hidden
// states, logits, every parameter's gradient, ten AdamW steps.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "autograd/ops/cross_entropy.h"
#include "autograd/record.h"
#include "core/base/text.h"
#include "core/ops/adamw.h"
#include "models/registry.h"
#include "models/weights/describe.h"
#include "models/weights/load.h"
#include "models/weights/safetensors.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

class Parity : public ::testing::TestWithParam<const char*> {
 protected:
  std::string folder() const {
    return str(VICINITY_SOURCE_DIR, "/tests/fixtures/parity/", GetParam());
  }
  SafetensorsFile fixture_{folder() + "/fixture.safetensors"};

  std::unique_ptr<Model> model(DType dtype) const {
    auto model = make_model(describe_model(folder()).config, dtype);
    const LoadReport report = load_weights(*model, folder());
    EXPECT_TRUE(report.fresh.empty() && report.unused.empty()) << report.text();
    return model;
  }

  // NCHW in the fixture, channels last here.
  Tensor images(DType dtype) const {
    const Tensor nchw = cast(fixture_.read("pixel_values"), DType::f64);
    const int64_t b = nchw.dim(0), c = nchw.dim(1), h = nchw.dim(2), w = nchw.dim(3);
    Tensor x = empty({b, h, w, c}, DType::f64);
    for (int64_t i = 0; i < x.size(); ++i) {
      const int64_t channel = i % c, pixel = i / c % (h * w), sample = i / (c * h * w);
      x.data<double>()[i] = nchw.data<double>()[(sample * c + channel) * h * w + pixel];
    }
    return cast(x, dtype);
  }

  Tensor labels() const {
    std::vector<int32_t> small;
    for (const int64_t label : values_of<int64_t>(fixture_.read("labels")))
      small.push_back(static_cast<int32_t>(label));
    return tensor_of<int32_t>({static_cast<int64_t>(small.size())}, small);
  }

  // Mean loss, with its gradients in the store.
  double loss_and_gradients(Model& model, DType dtype, OutputSink* outputs = nullptr,
                            Tensor* logits = nullptr) const {
    Pass pass;
    pass.act = dtype;
    pass.outputs = outputs;
    model.store().clear_grads();
    const Variable out = model.logits(images(dtype), pass);
    if (logits != nullptr) *logits = out.value();
    const Variable loss =
        sum_scaled(cross_entropy(out, {.first = labels()}), 1.0 / static_cast<double>(out.dim(0)));
    backward(loss, full({1}, 1, loss.dtype()));
    return cast(loss.value(), DType::f64).data<double>()[0];
  }

  static double largest_difference(const Tensor& a, const Tensor& b) {
    const Tensor x = cast(a, DType::f64), y = cast(b, DType::f64);
    EXPECT_EQ(x.size(), y.size());
    double most = 0;
    for (int64_t i = 0; i < std::min(x.size(), y.size()); ++i) {
      const double d = std::abs(x.data<double>()[i] - y.data<double>()[i]);
      most = std::isnan(d) ? INFINITY : std::max(most, d);
    }
    return most;
  }

  void check_gradients_against_fixture(Model& model, double tolerance) const {
    const std::vector<NamedTensor> grads = model.store().publish(model.store().grad());
    double largest = 0;
    for (const NamedTensor& g : grads) {
      for (const double v : values_of<double>(cast(g.tensor, DType::f64)))
        largest = std::max(largest, std::abs(v));
    }
    for (const NamedTensor& g : grads) {
      const std::string name = "f64/grad/" + g.name;
      const bool absent = ends_with(g.name, "mask_token");
      ASSERT_EQ(fixture_.has(name), !absent) << name;
      const Tensor expected = absent ? zeros(g.tensor.shape(), DType::f64) : fixture_.read(name);
      // Of a key's bias nothing but rounding is left.
      const double share = ends_with(g.name, "key.bias") ? std::min(tolerance, 1e-6) : tolerance;
      EXPECT_LT(largest_difference(g.tensor, expected), share * largest) << g.name;
    }
  }

  std::vector<double> ten_steps(Model& model, DType dtype) const {
    Tensor m = zeros(model.store().value().shape(), dtype), v = zeros(m.shape(), dtype), no_copy;
    std::vector<UpdateRange> ranges;
    for (const Published& p : model.store().published())
      ranges.push_back({p.offset, p.offset + p.size(), 1, p.shape.rank() >= 2});
    std::vector<double> losses;
    for (int64_t step = 1; step <= 10; ++step) {
      losses.push_back(loss_and_gradients(model, dtype));
      adamw_(model.store().value(), model.store().grad(), m, v, no_copy, UpdateRanges(ranges),
             AdamwStep{.lr = 1e-3, .weight_decay = 0.05, .step = step}.factors(), {});
    }
    return losses;
  }
};

TEST_P(Parity, Float64) {
  const auto model = this->model(DType::f64);
  OutputSink sink({.last_hidden_state = true, .hidden_states = true, .logits = true});
  Tensor logits;
  const double loss = loss_and_gradients(*model, DType::f64, &sink, &logits);
  const Outputs outputs = sink.collect();
  for (size_t i = 0; i < outputs.hidden_states.size(); ++i) {
    EXPECT_LT(
        largest_difference(outputs.hidden_states[i], fixture_.read(str("f64/hidden_states.", i))),
        1e-9)
        << i;
  }
  EXPECT_FALSE(fixture_.has(str("f64/hidden_states.", outputs.hidden_states.size())));
  EXPECT_LT(largest_difference(outputs.last_hidden_state, fixture_.read("f64/last_hidden_state")),
            1e-9);
  EXPECT_LT(largest_difference(logits, fixture_.read("f64/logits")), 1e-9);
  EXPECT_NEAR(loss, fixture_.read("f64/loss").data<double>()[0], 1e-9);
  check_gradients_against_fixture(*model, 1e-9);
}

TEST_P(Parity, Float32) {
  const auto model = this->model(DType::f32);
  Tensor logits;
  loss_and_gradients(*model, DType::f32, nullptr, &logits);
  EXPECT_LT(largest_difference(logits, fixture_.read("f64/logits")), 1e-5);
  check_gradients_against_fixture(*model, 1e-4);
}

TEST_P(Parity, TenAdamwSteps) {
  for (const DType dtype : {DType::f64, DType::f32}) {
    const auto model = this->model(dtype);
    const std::vector<double> losses = ten_steps(*model, dtype);
    const double tolerance = dtype == DType::f64 ? 1e-9 : 1e-5;
    const Tensor expected = fixture_.read("f64/losses10");
    for (size_t i = 0; i < 10; ++i)
      EXPECT_NEAR(losses[i], expected.data<double>()[i], tolerance) << dtype << " step " << i;
    if (dtype != DType::f64) continue;
    for (const NamedTensor& p : model->store().publish(model->store().value())) {
      // A key's bias has a gradient of rounding errors; the mask token has none, and ours decays.
      if (ends_with(p.name, "key.bias") || ends_with(p.name, "mask_token")) continue;
      EXPECT_LT(largest_difference(p.tensor, fixture_.read("f64/after10/" + p.name)), 1e-9)
          << p.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(HuggingFace, Parity,
                         ::testing::Values("dinat_k7", "dinat_k5_padded", "dinov2_mlp",
                                           "dinov2_swiglu"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace vicinity::testing
