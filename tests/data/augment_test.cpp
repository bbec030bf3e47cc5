#include "data/transforms/augment.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/transforms/augment_ops.h"
#include "data/transforms/pipeline.h"
#include "data/transforms/pixel_ops.h"
#include "data/transforms/point_ops.h"
#include "tests/support/encoded_images.h"
#include "tests/support/fixture_pictures.h"

namespace vicinity::testing {
namespace {

using nlohmann::json;

const json& fixture() {
  static const json parsed = [] {
    std::ifstream file(std::string(VICINITY_SOURCE_DIR) + "/tests/fixtures/augment.json");
    return json::parse(file);
  }();
  return parsed;
}

uint32_t crc_of(const Image& image) {
  return static_cast<uint32_t>(crc32(0, image.rgb.data(), static_cast<uInt>(image.rgb.size())));
}

// The pictures of make_augment.py.
std::vector<Image> pictures() {
  std::vector<Image> all;
  for (const std::string kind : fixture().at("kinds")) {
    for (const auto& size : fixture().at("sizes"))
      all.push_back(fixture_picture(kind, size[0], size[1]));
  }
  return all;
}

AugmentOp op_of(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(AugmentOp::gaussian_blur_random); ++i) {
    if (name_of(static_cast<AugmentOp>(i)) == name) return static_cast<AugmentOp>(i);
  }
  throw ConfigError("no operation " + name);
}

void apply_by_name(const json& entry, Image& image) {
  const std::string name = entry.at("op"), filter = entry.at("filter");
  const double argument = entry.at("argument");
  if (name == "hue") return adjust_hue(image, argument);
  if (name == "grey") return to_grey(image);
  const auto fill = fixture().at("fill").get<Color>();
  apply_op(op_of(name), argument, interpolation_of(filter.empty() ? "nearest" : filter), fill,
           image);
}

TEST(Augment, OperationsEqualPillowTimmAndTorchvisionToTheBit) {
  const std::vector<Image> sources = pictures();
  for (size_t i = 0; i < sources.size(); ++i)
    ASSERT_EQ(crc_of(sources[i]), fixture().at("source_crc32")[i].get<uint32_t>());
  for (const json& entry : fixture().at("operations")) {
    for (size_t i = 0; i < sources.size(); ++i) {
      Image image = sources[i];
      apply_by_name(entry, image);
      EXPECT_EQ(crc_of(image), entry.at("crc32")[i].get<uint32_t>())
          << entry.at("op") << " " << entry.at("argument") << " " << entry.at("filter") << " of "
          << image.width << " x " << image.height << ", picture " << i;
    }
  }
  EXPECT_GT(fixture().at("operations").size(), 90u);
}

TEST(Augment, ArgumentsEqualTimms) {
  for (const json& entry : fixture().at("levels")) {
    const AugmentOp op = op_of(entry[0]);
    const bool negative = entry[2].get<bool>() && has_direction(op);
    EXPECT_EQ(argument_of(op, entry[1], negative), entry[3].get<double>()) << entry;
  }
}

TEST(Augment, PoliciesEqualTimms) {
  for (const json& entry : fixture().at("policies")) {
    const std::string text = entry.at("text");
    const AugmentPolicy policy = parse_policy(text);
    const double mstd = std::min(policy.spread, 1e30);
    EXPECT_EQ(mstd, entry.at("mstd").get<double>()) << text;
    EXPECT_EQ(policy.most, entry.at("mmax").get<double>()) << text;
    if (!entry.contains("n")) {
      ASSERT_EQ(policy.lists.size(), entry.at("lists").size()) << text;
      for (size_t i = 0; i < policy.lists.size(); ++i) {
        json steps = json::array();
        for (const PolicyStep& step : policy.lists[i])
          steps.push_back({name_of(step.op), step.probability, step.magnitude});
        EXPECT_EQ(steps, entry.at("lists")[i]) << text << ", list " << i;
      }
      continue;
    }
    EXPECT_EQ(policy.count, entry.at("n").get<int>()) << text;
    std::map<std::string, double> ours, theirs;
    double sum = 0;
    for (const WeightedOp& op : policy.ops) sum += op.weight;
    for (const WeightedOp& op : policy.ops) ours[name_of(op.op)] = op.weight / sum;
    const json &ops = entry.at("lists")[0], &weights = entry.at("weights");
    for (size_t i = 0; i < ops.size(); ++i) {
      const double even = 1.0 / static_cast<double>(ops.size());
      theirs[ops[i][0]] = weights.is_null() ? even : weights[i].get<double>();
      EXPECT_EQ(policy.probability, ops[i][1].get<double>()) << text;
      EXPECT_EQ(policy.magnitude, ops[i][2].get<double>()) << text;
    }
    EXPECT_EQ(policy.weighted, !weights.is_null()) << text;
    ASSERT_EQ(ours.size(), theirs.size()) << text;
    for (const auto& [name, share] : theirs) EXPECT_NEAR(ours.at(name), share, 1e-12) << text;
  }
}

std::string refusal(const std::string& text) {
  try {
    parse_policy(text);
  } catch (const ConfigError& error) {
    return error.message();
  }
  return "accepted";
}

TEST(Augment, AnUnknownPartOfAPolicyIsNamed) {
  for (const char* part :
       {"foo", "mstd", "x3", "n0", "n101", "n1.5", "p1.2", "m9a", "tnone", "", "minf"}) {
    const std::string message = refusal(str("rand-m9-", part, "-inc1"));
    EXPECT_NE(message.find(str("'", part, "'")), std::string::npos) << message;
    EXPECT_NE(message.find("mstd"), std::string::npos) << message;
  }
  EXPECT_NE(refusal("augmix-m3").find("'augmix'"), std::string::npos);
  EXPECT_NE(refusal("v0-m3").find("'m3'"), std::string::npos);
  EXPECT_NE(refusal("rand-t3aw-n15").find("15 operations"), std::string::npos);
}

TEST(Augment, ProblemsOfKeysAreReported) {
  const auto problems = [](const TransformConfig& config) {
    Problems found;
    config.check(found);
    std::string text;
    for (const auto& problem : found.all()) text += problem.path + " " + problem.message + "\n";
    return text;
  };
  TransformConfig config;
  EXPECT_EQ(problems(config), "");
  config.augment.augment = "rand-q1";
  config.augment.color_jitter = "0.4,0.4";
  EXPECT_NE(problems(config).find("'q1'"), std::string::npos);
  EXPECT_NE(problems(config).find("color_jitter needs 1, 3 or 4 numbers"), std::string::npos);
  for (const char* good : {"0", "0.4", "0.4,0.4,0.2", "0.4,0.4,0.2,0.1"}) {
    config.augment = {.color_jitter = good};
    EXPECT_EQ(problems(config), "") << good;
  }
  for (const char* bad : {"", "x", "0.4,", "-1", "1,1,1,0.6", "inf", "1,1,1,0.1,1"}) {
    config.augment = {.color_jitter = bad};
    EXPECT_NE(problems(config), "") << bad;
  }
  config.augment = {.augment = "rand"};
  config.interpolation = "lanczos";
  EXPECT_NE(problems(config).find("lanczos"), std::string::npos);
  config.train_interpolation = "random";
  EXPECT_EQ(problems(config), "");
}

// Nearly every operation makes another picture of this one, so that counts of pictures are counts
// of draws.
TEST(Augment, OperationsAreDrawnWithTheDocumentedProbabilities) {
  const AugmentPolicy policy = parse_policy("rand-m9-n1-p0.6-inc1");
  const AffineStyle style{Interpolation::nearest, {1, 2, 3}};
  Image source(5, 4);
  for (size_t i = 0; i < source.rgb.size(); ++i)
    source.rgb[i] = static_cast<uint8_t>(20 + (i * 61) % 190);
  std::map<uint32_t, double> expected;  // of a picture's CRC
  expected[crc_of(source)] = 0.4;
  for (const WeightedOp& op : policy.ops) {
    for (const bool negative : {false, true}) {
      Image image = source;
      const bool signs = has_direction(op.op);
      apply_op(op.op, argument_of(op.op, 9, negative && signs), *style.interpolation, style.fill,
               image);
      expected[crc_of(image)] += 0.6 / 15 / 2;
    }
  }
  ASSERT_GT(expected.size(), 15u);
  constexpr int kDraws = 30000;
  std::map<uint32_t, int> counts;
  for (int i = 0; i < kDraws; ++i) {
    Image image = source;
    Random random(3, Purpose::augmentation, static_cast<uint64_t>(i));
    apply_policy(policy, style, random, image);
    ++counts[crc_of(image)];
  }
  double chi_square = 0;
  for (const auto& [crc, count] : counts) ASSERT_TRUE(expected.contains(crc)) << count;
  for (const auto& [crc, share] : expected) {
    const double wanted = share * kDraws;
    chi_square += (counts[crc] - wanted) * (counts[crc] - wanted) / wanted;
  }
  // Mean k, deviation sqrt(2 k) with k degrees of freedom.
  const auto k = static_cast<double>(expected.size() - 1);
  EXPECT_LT(chi_square, k + 4 * std::sqrt(2 * k));
}

// On one black pixel only Invert shows at magnitude 0, and Posterize after it. All fourteen are
// drawn, so Invert once.
TEST(Augment, WeightedOperationsAreDrawnWithoutReplacement) {
  const AugmentPolicy policy = parse_policy("rand-t3aw-n14-p1-m0");
  std::map<int, int> levels;
  for (uint64_t i = 0; i < 100; ++i) {
    Image pixel(1, 1);
    Random random(1, Purpose::augmentation, i);
    apply_policy(policy, {Interpolation::nearest, {9, 9, 9}}, random, pixel);
    ++levels[pixel.rgb[0]];
  }
  EXPECT_EQ(levels[255] + levels[240], 100);
  EXPECT_GT(levels[255], 10);
}

TransformConfig small(const AugmentConfig& augment) {
  TransformConfig config;
  config.image_size = 24;
  config.augment = augment;
  return config;
}

TEST(Augment, IsAPureFunctionThatLeavesCropAndFlipAlone) {
  const Image image = formula_image(57, 43);
  int changed = 0;
  for (uint64_t i = 0; i < 40; ++i) {
    const Random random(1, Purpose::augmentation, i);
    const TransformConfig with = small({.augment = "rand-m9-mstd0.5-inc1"});
    const Image plain = apply_train(image, small({}), random), a = apply_train(image, with, random);
    EXPECT_EQ(a.rgb, apply_train(image, with, random).rgb);
    changed += a.rgb != plain.rgb;
    // A blur of no picture and a jitter of no size change nothing.
    EXPECT_EQ(apply_train(image, small({.color_jitter = "0", .blur = 0}), random).rgb, plain.rgb);
    EXPECT_EQ(apply_train(image, small({.solarize = 1}), random).rgb, [&] {
      Image inverted = plain;
      solarize(inverted, 128);
      return inverted.rgb;
    }());
  }
  EXPECT_NEAR(changed, 30, 8) << "a quarter of the pictures meet no operation";
}

TEST(Augment, ColourJitterHasNoEffectBesideAutomaticAugmentation) {
  EXPECT_EQ(jitter_in_effect({.augment = "v0", .color_jitter = "0.4"})[0], 0);
  EXPECT_EQ(jitter_in_effect({.augment = "3a", .color_jitter = "0.4"})[2], 0.4);
  EXPECT_EQ(jitter_in_effect({.color_jitter = "0.4,0.4,0.2,0.1"})[3], 0.1);
  EXPECT_EQ(jitter_in_effect({.color_jitter = "0.4"})[3], 0);
  EXPECT_NE(describe_augment({.augment = "v0", .color_jitter = "0.4"}).find("without effect"),
            std::string::npos);
  EXPECT_EQ(describe_augment({.augment = "3a", .color_jitter = "0.4", .repeats = 3}),
            "3a, colour jitter 0.4, each picture 3 times in a row");
  EXPECT_EQ(describe_augment({}), "none");
}

TEST(Augment, JitterStaysInItsRanges) {
  Image source(1, 1);
  source.rgb = {100, 100, 100};  // grey: only brightness shows
  int low = 255, high = 0;
  for (uint64_t i = 0; i < 2000; ++i) {
    Image image = source;
    Random random(5, Purpose::augmentation, i);
    augment({.color_jitter = "0.4,0,0,0"}, {}, random, image);
    low = std::min<int>(low, image.rgb[0]);
    high = std::max<int>(high, image.rgb[0]);
  }
  EXPECT_EQ(low, 60);
  EXPECT_EQ(high, 139);
  std::map<uint32_t, int> results;
  source.rgb = {255, 0, 10};
  for (uint64_t i = 0; i < 50; ++i) {
    Image image = source;
    Random random(6, Purpose::augmentation, i);
    augment({.color_jitter = "0.4,0.4,0.4,0.1", .color_jitter_prob = 0.5}, {}, random, image);
    ++results[crc_of(image)];
  }
  EXPECT_NEAR(results[crc_of(source)], 25, 12);
  EXPECT_GT(results.size(), 20u);
}

TEST(Augment, RandomInterpolationIsBilinearOrBicubicInEqualShares) {
  const Image image = formula_image(57, 43);
  TransformConfig config = small({}), bilinear = config, bicubic = config;
  config.train_interpolation = "random";
  bilinear.train_interpolation = "bilinear";
  int smooth = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    const Random random(2, Purpose::augmentation, i);
    const auto seen = apply_train(image, config, random).rgb;
    const bool is_smooth = seen == apply_train(image, bilinear, random).rgb;
    EXPECT_TRUE(is_smooth || seen == apply_train(image, bicubic, random).rgb) << i;
    smooth += is_smooth;
  }
  EXPECT_NEAR(smooth, 100, 35);
}

}  // namespace
}  // namespace vicinity::testing
