// Draws of Mixup, CutMix and random erasing, against timm and against their own laws.
#include "train/mixing.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/files.h"
#include "core/ops/cross_entropy.h"
#include "core/ops/elementwise.h"
#include "core/ops/mix_labels.h"
#include "tests/reference/cross_entropy.h"

namespace vicinity::testing {
namespace {

const nlohmann::json& fixture() {
  static const auto json = nlohmann::json::parse(
      read_file(std::string(VICINITY_SOURCE_DIR) + "/tests/fixtures/mixing.json"));
  return json;
}

// The batches of tests/fixtures/make_mixing.py.
Tensor fixture_images(int64_t count, int64_t height, int64_t width) {
  Tensor images = empty({count, height, width, 3}, DType::u8);
  uint8_t* to = images.data<uint8_t>();
  for (int64_t b = 0; b < count; ++b) {
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) {
        for (int64_t c = 0; c < 3; ++c)
          *to++ = static_cast<uint8_t>(37 * x + 91 * y + 53 * c + 71 * b + x * y);
      }
    }
  }
  return images;
}
Tensor fixture_labels(int64_t count, int32_t classes) {
  std::vector<int32_t> labels;
  for (int32_t b = 0; b < count; ++b) labels.push_back((5 * b + 2) % classes);
  return tensor_of<int32_t>({count}, labels);
}
Tensor fixture_logits(int64_t count, int64_t classes) {
  Tensor logits = empty({count, classes}, DType::f64);
  for (int64_t b = 0; b < count; ++b) {
    for (int64_t k = 0; k < classes; ++k)
      logits.data<double>()[b * classes + k] =
          static_cast<double>((17 * b + 29 * k) % 13) / 4 - 1.5;
  }
  return logits;
}

// The mix of a case, from what timm drew; with `box` its box, else worked out from the centre.
LeafMix mix_of(const nlohmann::json& c, bool take_box) {
  const int height = c["batch"][1], width = c["batch"][2];
  const double share = c["share"];
  if (!c["cutmix"]) return {share, static_cast<float>(share), static_cast<float>(1 - share), {}};
  if (!take_box) return cutmix_of(share, c["centre"][0], c["centre"][1], height, width);
  const int top = c["box"][0], left = c["box"][1], bottom = c["box"][2], right = c["box"][3];
  LeafMix mix;
  mix.box = {left, top, right - left, bottom - top};
  mix.weight = 1 - static_cast<double>((right - left) * (bottom - top)) / (height * width);
  return mix;
}

// The CRC-32 of the bytes that images become.
uint32_t crc_of_mixed(const Tensor& images, const LeafMix& mix) {
  const Box& b = mix.box;
  std::vector<float> numbers = {mix.own, mix.partner};
  for (const int side : {b.top, b.left, b.top + b.height, b.left + b.width})
    numbers.push_back(static_cast<float>(side));
  const Tensor y = normalize_images(images, {0, 0, 0}, {1, 1, 1}, DType::f32,
                                    {.mix = tensor_of<float>({6}, numbers)});
  std::vector<uint8_t> bytes;
  for (const float value : values_of<float>(y))
    bytes.push_back(static_cast<uint8_t>(std::lround(value * 255)));
  return static_cast<uint32_t>(crc32(0, bytes.data(), static_cast<uInt>(bytes.size())));
}

void expect_targets(const nlohmann::json& c, const LeafMix& mix) {
  const int64_t count = c["batch"][0], classes = fixture()["classes"];
  const Tensor labels = fixture_labels(count, static_cast<int32_t>(classes)),
               weight = full({count}, mix.weight, DType::f32);
  const Targets targets{.first = labels,
                        .second = mix_labels(labels, weight).partner,
                        .weight = weight,
                        .smoothing = c["smoothing"]};
  const Tensor dense = reference::dense_targets(targets, count, classes);
  double loss = 0;
  for (int64_t b = 0; b < count; ++b) {
    double sum = 0;
    for (int64_t k = 0; k < classes; ++k) {
      const double target = dense.data<double>()[b * classes + k];
      EXPECT_NEAR(target, c["targets"][static_cast<size_t>(b)][static_cast<size_t>(k)], 1e-7);
      sum += target;
    }
    EXPECT_NEAR(sum, 1, 1e-7);
  }
  for (const double of_image :
       values_of<double>(cross_entropy(fixture_logits(count, classes), targets)))
    loss += of_image / static_cast<double>(count);
  EXPECT_NEAR(loss, c["loss"], 1e-6);
}

TEST(Mixing, BytesTargetsAndLossAreTimms) {
  ASSERT_EQ(fixture()["mixed"].size(), 49);
  for (const nlohmann::json& c : fixture()["mixed"]) {
    SCOPED_TRACE(c.dump());
    const LeafMix mix = mix_of(c, true);
    EXPECT_EQ(crc_of_mixed(fixture_images(c["batch"][0], c["batch"][1], c["batch"][2]), mix),
              c["crc32"].get<uint32_t>());
    expect_targets(c, mix);
  }
}

TEST(Mixing, TheBoxOfCutmixIsTheRecipes) {
  int compared = 0;
  for (const nlohmann::json& c : fixture()["mixed"]) {
    if (!c["cutmix"] || c["timm"] != "0.5.4") continue;
    SCOPED_TRACE(c.dump());
    const LeafMix mine = mix_of(c, false), theirs = mix_of(c, true);
    EXPECT_EQ(mine.box.top, theirs.box.top);
    EXPECT_EQ(mine.box.left, theirs.box.left);
    EXPECT_EQ(mine.box.height, theirs.box.height);
    EXPECT_EQ(mine.box.width, theirs.box.width);
    EXPECT_EQ(mine.weight, theirs.weight);
    ++compared;
  }
  EXPECT_EQ(compared, 16);
}

TEST(Mixing, SidesOfErasedBoxesAreTimms) {
  for (const nlohmann::json& c : fixture()["erased"]) {
    SCOPED_TRACE(c.dump());
    const int height = c["height"], width = c["width"];
    for (size_t i = 0; i < c["areas"].size(); ++i) {
      const double area = c["areas"][i], log_aspect = c["logs"][i];
      const Extent sides = erase_sides(area * height * width, std::exp(log_aspect));
      const bool fits = sides.height < height && sides.width < width;
      EXPECT_EQ(fits, i + 1 == c["areas"].size() && !c["box"].empty()) << "try " << i;
      if (!fits) continue;
      EXPECT_EQ(sides.height, c["box"][2].get<int>() - c["box"][0].get<int>());
      EXPECT_EQ(sides.width, c["box"][3].get<int>() - c["box"][1].get<int>());
    }
  }
}

struct Moments {
  double mean = 0, variance = 0;
};
Moments moments_of(const std::vector<double>& values) {
  Moments m;
  for (const double v : values) m.mean += v / static_cast<double>(values.size());
  for (const double v : values)
    m.variance += (v - m.mean) * (v - m.mean) / static_cast<double>(values.size());
  return m;
}

constexpr int64_t kDrawn = 20000;

TEST(Mixing, SharesFollowTheirLaw) {
  const MixingConfig config{.mixup = 0.8, .cutmix = 1, .mix_prob = 0.7, .mix_switch = 0.4};
  std::vector<double> mixup;
  int64_t none = 0, cut = 0;
  for (int64_t step = 0; step < kDrawn; ++step) {
    const LeafMix mix = draw_mix(config, 5, step, 64, 32, 48);
    EXPECT_GE(mix.weight, 0);
    EXPECT_LE(mix.weight, 1);
    if (mix.partner > 0) {
      mixup.push_back(mix.weight);
      EXPECT_EQ(mix.box.width * mix.box.height, 0);
      EXPECT_EQ(mix.own, static_cast<float>(mix.weight));
    } else if (mix.box.width * mix.box.height > 0) {
      ++cut;
      EXPECT_TRUE(mix.box.left >= 0 && mix.box.left + mix.box.width <= 48);
      EXPECT_TRUE(mix.box.top >= 0 && mix.box.top + mix.box.height <= 32);
      EXPECT_EQ(mix.weight, 1 - mix.box.width * mix.box.height / (32.0 * 48));
    } else {
      ++none;
    }
  }
  const double n = kDrawn;
  EXPECT_NEAR(static_cast<double>(mixup.size()) / n, 0.7 * 0.6, 5 * 0.5 / std::sqrt(n));
  // Beta(1, 1) below 1 / 32: sides of a box that come to nothing.
  EXPECT_NEAR(static_cast<double>(cut) / n, 0.7 * 0.4, 0.02);
  EXPECT_NEAR(static_cast<double>(none) / n, 0.3, 0.02);
  const Moments m = moments_of(mixup);
  EXPECT_NEAR(m.mean, 0.5, 5 * 0.31 / std::sqrt(static_cast<double>(mixup.size())));
  EXPECT_NEAR(m.variance, 1 / (4 * 2.6), 0.005);
}

TEST(Mixing, OneKindAloneIsAlwaysUsed) {
  for (int64_t step = 0; step < 200; ++step) {
    EXPECT_GT(draw_mix({.mixup = 0.8}, 5, step, 0, 32, 32).partner, 0);
    EXPECT_EQ(draw_mix({.cutmix = 1}, 5, step, 0, 32, 32).partner, 0);
    EXPECT_EQ(draw_mix({.mixup = 1, .cutmix = 1, .mix_prob = 0}, 5, step, 0, 32, 32).weight, 1);
  }
}

TEST(Mixing, ErasedBoxesFollowTheirLaw) {
  std::vector<double> areas, aspects;
  int64_t none = 0;
  for (int64_t image = 0; image < kDrawn; ++image) {
    const Box box = draw_erase_box(0.25, 5, 3, image, 200, 300);
    if (box.width == 0) {
      ++none;
      continue;
    }
    EXPECT_TRUE(box.left >= 0 && box.left + box.width <= 300 && box.width < 300);
    EXPECT_TRUE(box.top >= 0 && box.top + box.height <= 200 && box.height < 200);
    areas.push_back(box.width * box.height / 60000.0);
    aspects.push_back(std::log(static_cast<double>(box.height) / box.width));
  }
  EXPECT_NEAR(static_cast<double>(none) / kDrawn, 0.75, 0.016);
  const auto [least, most] = std::minmax_element(areas.begin(), areas.end());
  EXPECT_NEAR(*least, 0.02, 0.001);
  EXPECT_NEAR(*most, 1.0 / 3, 0.01);
  const auto [flat, tall] = std::minmax_element(aspects.begin(), aspects.end());
  EXPECT_NEAR(*flat, std::log(0.3), 0.05);
  EXPECT_NEAR(*tall, -std::log(0.3), 0.05);
}

LeafBatch leaf_of(int64_t first, int64_t count, int64_t batch_size) {
  return {.images = zeros({count, 8, 8, 3}, DType::u8),
          .labels = zeros({count}, DType::i32),
          .first = first,
          .batch_size = batch_size};
}

// Its step, its place in the batch and the seed make a leaf's numbers; how large the batch is and
// how the rest of it is cut does not.
TEST(Mixing, NumbersOfALeafAreItsOwn) {
  const Mixing mixing({.mixup = 0.8, .cutmix = 1, .erase = 0.5}, 10);
  const Pass pass{.training = true, .seed = 9, .step = 123};
  const ImageChanges of_many = mixing.changes(leaf_of(8, 4, 64), pass),
                     of_few = mixing.changes(leaf_of(8, 4, 12), pass),
                     longer = mixing.changes(leaf_of(8, 7, 64), pass);
  const auto mix = [](const ImageChanges& changes) { return values_of<float>(changes.mix); };
  const auto erase = [](const ImageChanges& changes) { return values_of<int32_t>(changes.erase); };
  EXPECT_EQ(mix(of_many), mix(of_few));
  EXPECT_EQ(erase(of_many), erase(of_few));
  EXPECT_EQ(mix(of_many), mix(longer));
  std::vector<int32_t> first_four = erase(longer);
  first_four.resize(4 * 6);
  EXPECT_EQ(erase(of_many), first_four);

  std::set<std::vector<float>> mixes = {mix(of_many)};
  mixes.insert(mix(mixing.changes(leaf_of(12, 4, 64), pass)));
  mixes.insert(mix(mixing.changes(leaf_of(8, 4, 64), {.seed = 9, .step = 124})));
  mixes.insert(mix(mixing.changes(leaf_of(8, 4, 64), {.seed = 10, .step = 123})));
  EXPECT_EQ(mixes.size(), 4);
}

TEST(Mixing, SaysWhatItDoes) {
  EXPECT_EQ(describe({}, 8), "");
  EXPECT_EQ(describe({.mixup = 0.8, .cutmix = 1, .erase = 0.25}, 8),
            "mixup 0.8 or cutmix 1, erase 0.25");
  EXPECT_EQ(describe({.cutmix = 1, .mix_prob = 0.5, .mix_off_epoch = 9}, 8),
            "cutmix 1 with probability 0.5 up to epoch 9");
  EXPECT_EQ(describe({.mixup = 1}, 1),
            "mixup 1 (without effect: a leaf is one image, train.micro_batch=1)");
}

TEST(Mixing, EndsWithItsEpoch) {
  const Mixing mixing({.mixup = 0.8, .mix_off_epoch = 3}, 10);
  const auto weight = [&](int64_t step) {
    return values_of<float>(mixing.weights(leaf_of(0, 2, 2), {.seed = 9, .step = step}));
  };
  EXPECT_LT(weight(29)[0], 1);
  EXPECT_EQ(weight(30), (std::vector<float>{1, 1}));
  EXPECT_EQ(weight(1000), (std::vector<float>{1, 1}));
  EXPECT_FALSE(Mixing().mixes());
  EXPECT_FALSE(Mixing().changes(leaf_of(0, 2, 2), {}).mix.defined());
  EXPECT_FALSE(Mixing().changes(leaf_of(0, 2, 2), {}).erase.defined());
}

}  // namespace
}  // namespace vicinity::testing
