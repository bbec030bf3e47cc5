// Views for self-distillation: what torchvision makes of the same numbers, numbers drawn as often
// as DINOv2 draws them, and who may not ask for them.
#include "data/transforms/multi_crop.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/loader.h"
#include "data/source/folder.h"
#include "data/transforms/pipeline.h"
#include "data/transforms/window_blur.h"
#include "tests/support/fixture_pictures.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_images.h"

namespace vicinity::testing {
namespace {

using nlohmann::json;

uint32_t crc_of(const Image& image) {
  return static_cast<uint32_t>(crc32(0, image.rgb.data(), static_cast<uInt>(image.rgb.size())));
}

ViewDraw draw_of(const json& view) {
  ViewDraw draw;
  draw.box = {view.at("box")[0], view.at("box")[1], view.at("box")[2], view.at("box")[3]};
  draw.mirrored = view.at("mirrored");
  draw.jitters = view.at("jitters");
  draw.jitter = {view.at("order").get<std::array<int, 4>>(),
                 view.at("factors").get<std::array<double, 4>>()};
  draw.grey = view.at("grey");
  draw.deviation = view.at("deviation");
  draw.solarized = view.at("solarized");
  return draw;
}

// How many bytes differ by one level; none may by more.
int64_t off_by_one(const Image& image, const std::string& hex) {
  EXPECT_EQ(2 * image.rgb.size(), hex.size());
  int64_t off = 0;
  for (size_t i = 0; i < image.rgb.size(); ++i) {
    const int theirs = std::stoi(hex.substr(2 * i, 2), nullptr, 16);
    EXPECT_LE(std::abs(image.rgb[i] - theirs), 1) << "byte " << i;
    off += image.rgb[i] != theirs;
  }
  return off;
}

TEST(MultiCrop, ViewsEqualTorchvisions) {
  std::ifstream file(std::string(VICINITY_SOURCE_DIR) + "/tests/fixtures/multi_crop.json");
  const json fixture = json::parse(file);
  int64_t blurred = 0, bytes = 0, off = 0;
  for (const json& view : fixture.at("views")) {
    const Image picture = fixture_picture(view.at("kind"), view.at("size")[0], view.at("size")[1]);
    const ViewDraw draw = draw_of(view);
    const Image made = make_view(picture, {.size = view.at("side")}, draw);
    if (draw.deviation == 0) {
      EXPECT_EQ(crc_of(made), view.at("crc32").get<uint32_t>()) << view;
      continue;
    }
    ++blurred;
    bytes += static_cast<int64_t>(made.rgb.size());
    off += off_by_one(made, view.at("rgb"));
  }
  EXPECT_GT(blurred, 20);
  EXPECT_LE(off, bytes / 1000) << "of " << bytes;
}

TEST(MultiCrop, AViewIsAFunctionOfItsNumbers) {
  const Image picture = fixture_picture("waves", 150, 130);
  const MultiCrop crops;
  const std::vector<Image> views = multi_crop(picture, crops, 7, 3, 0);
  ASSERT_EQ(views.size(), 10u);
  for (int i = 0; i < crops.views(); ++i) {
    const Image& view = views[static_cast<size_t>(i)];
    EXPECT_EQ(view.width, i < 2 ? 224 : 98);
    EXPECT_EQ(view.height, view.width);
  }
  // Fewer views leave the others as they are.
  const std::vector<Image> fewer = multi_crop(picture, {.locals = 3}, 7, 3, 0);
  ASSERT_EQ(fewer.size(), 5u);
  for (size_t i = 0; i < fewer.size(); ++i) EXPECT_EQ(fewer[i].rgb, views[i].rgb) << i;
  // Another seed, picture, visit or view draws other numbers.
  const auto crcs = [&](uint64_t seed, int64_t index, uint32_t visit) {
    std::vector<uint32_t> all;
    for (const Image& view : multi_crop(picture, {.locals = 3}, seed, index, visit))
      all.push_back(crc_of(view));
    return all;
  };
  std::vector<uint32_t> all;
  for (const auto& some : {crcs(7, 3, 0), crcs(8, 3, 0), crcs(7, 4, 0), crcs(7, 3, 1)})
    all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
  EXPECT_EQ(crcs(7, 3, 0), crcs(7, 3, 0));
}

TEST(MultiCrop, NumbersAreDrawnAsDinov2Does) {
  const MultiCrop crops;
  constexpr int kDraws = 4000, kWidth = 500, kHeight = 400;
  for (int view = 0; view < 3; ++view) {
    const ViewStyle& style = crops.style(view);
    double mirrored = 0, jitters = 0, grey = 0, blurred = 0, solarized = 0, least = 1, most = 0;
    for (int i = 0; i < kDraws; ++i) {
      const ViewDraw d = draw_view(style, kWidth, kHeight, random_of_view(1, i, 0, view));
      mirrored += d.mirrored;
      jitters += d.jitters;
      grey += d.grey;
      blurred += d.deviation > 0;
      solarized += d.solarized;
      const double area = static_cast<double>(d.box.width) * d.box.height / (kWidth * kHeight);
      least = std::min(least, area);
      most = std::max(most, area);
      EXPECT_TRUE(d.deviation == 0 || (d.deviation >= 0.1 && d.deviation <= 2));
      EXPECT_LE(std::abs(d.jitter.factors[0] - 1), 0.4);
      EXPECT_LE(std::abs(d.jitter.factors[2] - 1), 0.2);
      EXPECT_LE(std::abs(d.jitter.factors[3]), 0.1);
    }
    const auto near = [&](double count, double p, const char* what) {
      EXPECT_NEAR(count / kDraws, p, 0.03) << what << " of view " << view;
    };
    near(mirrored, 0.5, "flip");
    near(jitters, 0.8, "jitter");
    near(grey, 0.2, "grey");
    near(blurred, view == 0 ? 0 : view == 1 ? 0.9 : 0.5, "blur");
    near(solarized, view == 1 ? 0.2 : 0, "solarize");
    EXPECT_NEAR(least, view < 2 ? 0.32 : 0.05, 0.01);
    EXPECT_NEAR(most, view < 2 ? 1.0 : 0.32, 0.02);
  }
}

TEST(MultiCrop, ABlurNeedsABorderToReflect) {
  Image small(4, 9), one(5, 5);
  EXPECT_THROW(window_blur(small, 9, 1), ShapeError);
  std::fill(one.rgb.begin(), one.rgb.end(), uint8_t{93});
  window_blur(one, 9, 2);
  EXPECT_EQ(one.rgb, std::vector<uint8_t>(75, 93)) << "a flat picture stays as it is";
}

TEST(MultiCrop, TrainingRefusesIt) {
  TransformConfig config{.image_size = 8};
  config.augment.augment = kManyViews;
  Problems none;
  config.check(none);
  EXPECT_TRUE(none.all().empty());
  const TempDir folder;
  write_class_folders(folder.path(), 2, 2, 8);
  const FolderSource source(folder.path());
  try {
    const Loader refused(source, config, LoaderMode::train, 2, {});
    FAIL() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_NE(error.message().find("data.augment=dinov2 makes 10 views"), std::string::npos);
    EXPECT_NE(error.message().find("self-distillation"), std::string::npos);
  }
  const Loader evaluates(source, config, LoaderMode::eval, 2, {});  // and augments nothing
  config.augment.color_jitter = "0.4";
  config.augment.blur = 0.5;
  Problems two;
  config.check(two);
  EXPECT_EQ(two.all().size(), 2u);
}

}  // namespace
}  // namespace vicinity::testing
