// The grid of linear heads against SGD written out in fp64; heads do not disturb each other; the
// same bits on any number of threads.
#include "train/probe/linear_probe.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/ops/random_fill.h"
#include "core/runtime/cpu.h"
#include "data/sampler.h"
#include "tests/support/feature_clouds.h"
#include "tests/support/tiny_models.h"

namespace vicinity::testing {
namespace {

LabelledFeatures clouds(int64_t count, int64_t width, int classes, uint64_t seed) {
  return feature_clouds(count, width, classes, seed, 1);
}

// One head, one image after the other.
struct PlainHead {
  int64_t classes, width;
  std::vector<double> weight, bias, weight_momentum, bias_momentum;

  PlainHead(const float* initial, int64_t k, int64_t c)
      : classes(k),
        width(c),
        weight(initial, initial + k * c),
        bias(static_cast<size_t>(k), 0.0),
        weight_momentum(weight.size(), 0.0),
        bias_momentum(bias.size(), 0.0) {}

  void step(const std::vector<const float*>& images, const std::vector<int32_t>& labels,
            double lr) {
    std::vector<double> dweight(weight.size(), 0.0), dbias(bias.size(), 0.0);
    for (size_t i = 0; i < images.size(); ++i) {
      std::vector<double> logits = bias;
      double sum = 0;
      for (size_t k = 0; k < bias.size(); ++k) {
        for (int64_t c = 0; c < width; ++c)
          logits[k] +=
              weight[k * static_cast<size_t>(width) + static_cast<size_t>(c)] * images[i][c];
        sum += std::exp(logits[k]);
      }
      for (size_t k = 0; k < bias.size(); ++k) {
        const bool own = static_cast<int32_t>(k) == labels[i];
        const double d = (std::exp(logits[k]) / sum - own) / static_cast<double>(images.size());
        dbias[k] += d;
        for (int64_t c = 0; c < width; ++c)
          dweight[k * static_cast<size_t>(width) + static_cast<size_t>(c)] += d * images[i][c];
      }
    }
    move(weight, weight_momentum, dweight, lr);
    move(bias, bias_momentum, dbias, lr);
  }

  static void move(std::vector<double>& value, std::vector<double>& momentum,
                   const std::vector<double>& gradient, double lr) {
    for (size_t i = 0; i < value.size(); ++i) {
      momentum[i] = 0.9 * momentum[i] + gradient[i];
      value[i] -= lr * momentum[i];
    }
  }
};

TEST(LinearProbe, AgreesWithSgdWrittenOut) {
  const LabelledFeatures data = clouds(70, 9, 3, 1);
  const std::vector<ProbeInput> inputs = {{1, false, 4, 9}, {2, true, 0, 9}};
  const ProbeSettings settings{.steps = 40, .batch = 16, .lrs = {0.003, 0.1, 2.0}, .seed = 11};
  const ProbeResult result = linear_probe(data, clouds(31, 9, 3, 2), 3, inputs, settings, kCpu);
  ASSERT_EQ(result.heads.size(), 6u);
  EXPECT_EQ(result.batch, 16);
  for (size_t h = 0; h < 6; ++h) {
    const ProbeHead& head = result.heads[h];
    const ProbeInput& input = inputs[h / 3];
    const int64_t width = input.end - input.begin;
    Tensor initial = empty({9, width}, DType::f32);
    normal_(initial, 0.01, {11, Purpose::initialisation, h / 3});
    PlainHead plain(initial.data<float>() + static_cast<int64_t>(h % 3) * 3 * width, 3, width);
    for (int64_t step = 0; step < 40; ++step) {
      std::vector<const float*> images;
      std::vector<int32_t> labels;
      for (int64_t i = step * 16; i < step * 16 + 16; ++i) {
        const int64_t row = shuffled_index(11, i / 70, i % 70, 70);
        images.push_back(data.values.data<float>() + row * 9 + input.begin);
        labels.push_back(data.labels[static_cast<size_t>(row)]);
      }
      const double cosine = 0.5 * (1 + std::cos(M_PI * static_cast<double>(step) / 40));
      plain.step(images, labels, settings.lrs[h % 3] * 16 / 256 * cosine);
    }
    EXPECT_EQ(head.base_lr, settings.lrs[h % 3]);
    for (int64_t i = 0; i < 3 * width; ++i) {
      EXPECT_NEAR(head.weight.data<float>()[i], plain.weight[static_cast<size_t>(i)], 2e-5)
          << "head " << h << ", weight " << i;
    }
    for (size_t k = 0; k < 3; ++k) EXPECT_NEAR(head.bias.data<float>()[k], plain.bias[k], 2e-5);
  }
}

TEST(LinearProbe, CountsAreThoseOfTheReportAndTheFirstOfTheBestIsTaken) {
  // 1300 images: more than are counted at once; class 3 is not among them.
  const LabelledFeatures train = clouds(200, 6, 4, 3), val = clouds(1300, 6, 3, 4);
  const ProbeSettings settings{.steps = 60, .batch = 500, .lrs = {1e-6, 0.1, 0.1}};
  const ProbeResult result = linear_probe(train, val, 4, {{1, false, 0, 6}}, settings, kCpu);
  EXPECT_EQ(result.batch, 200) << "there are no more";
  EXPECT_EQ(result.report.count(), 1300);
  EXPECT_EQ(result.report.top1(), result.heads[result.best].top1);
  EXPECT_GT(result.report.top1_percent(), 70);
  for (size_t i = 0; i < result.heads.size(); ++i) {
    const EvalReport report = report_of(result.heads[i], val, 4);
    EXPECT_EQ(result.heads[i].top1, report.top1());
    EXPECT_EQ(result.heads[i].top5, 1300);
    EXPECT_TRUE(result.heads[i].top1 < result.heads[result.best].top1 || i >= result.best);
  }
}

TEST(LinearProbe, ADivergedHeadCountsNothingAndDisturbsNobody) {
  const LabelledFeatures data = clouds(50, 5, 3, 5);
  ProbeSettings settings{.steps = 30, .batch = 20, .lrs = {0.1, 1e40}};
  const ProbeResult both = linear_probe(data, data, 3, {{1, false, 0, 5}}, settings, kCpu);
  ASSERT_TRUE(both.heads[1].diverged);
  EXPECT_EQ(both.heads[1].top1, 0);
  EXPECT_EQ(both.best, 0u);
  settings.lrs = {0.1};
  const ProbeResult alone = linear_probe(data, data, 3, {{1, false, 0, 5}}, settings, kCpu);
  EXPECT_EQ(values_of<float>(both.heads[0].weight), values_of<float>(alone.heads[0].weight));
  settings.lrs = {1e40};
  EXPECT_THROW(linear_probe(data, data, 3, {{1, false, 0, 5}}, settings, kCpu), DivergedError);
}

TEST(LinearProbe, SameBitsOnAnyThreads) {
  const LabelledFeatures data = clouds(300, 130, 7, 6);
  const ProbeSettings settings{.steps = 12, .batch = 128, .lrs = {0.01, 0.1}};
  std::vector<std::vector<float>> weights;
  for (const int threads : {1, 2, 5}) {
    cpu().set_threads(threads);
    weights.push_back(values_of<float>(
        linear_probe(data, data, 7, {{1, false, 0, 130}}, settings, kCpu).heads[1].weight));
  }
  cpu().set_threads(available_cores());
  EXPECT_TRUE(weights[0] == weights[1]);
  EXPECT_TRUE(weights[0] == weights[2]);
}

TEST(LinearProbe, InputsAreThoseOfTheFamily) {
  ModelConfig vit = tiny_dinov2();
  vit.dinov2.num_hidden_layers = 12;
  EXPECT_EQ(probe_blocks(vit), 4);
  const std::vector<ProbeInput> inputs = probe_inputs(vit, 5 * 32);
  ASSERT_EQ(inputs.size(), 4u);
  const int64_t expected[4][2] = {{96, 128}, {96, 160}, {0, 128}, {0, 160}};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(inputs[i].begin, expected[i][0]);
    EXPECT_EQ(inputs[i].end, expected[i][1]);
    EXPECT_EQ(inputs[i].blocks, i < 2 ? 1 : 4);
    EXPECT_EQ(inputs[i].avgpool, i % 2 == 1);
  }
  vit.dinov2.num_hidden_layers = 1;
  EXPECT_EQ(probe_inputs(vit, 64).size(), 2u);
  EXPECT_EQ(probe_blocks(tiny_dinat()), 0);
  EXPECT_EQ(probe_inputs(tiny_dinat(), 32).size(), 1u);
}

}  // namespace
}  // namespace vicinity::testing
