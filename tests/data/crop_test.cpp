// Where training cuts: RandomResizedCrop's law and its way out of long strips, padded crops, flips.
#include <gtest/gtest.h>

#include <cmath>

#include "data/transforms/pipeline.h"
#include "tests/support/tiny_images.h"

namespace vicinity::testing {
namespace {

constexpr int kDraws = 20000;

Random draw(int i) { return {7, Purpose::augmentation, static_cast<uint64_t>(i)}; }

// Of a picture so large that every box fits: the area uniform, the logarithm of the ratio uniform,
// and both as far apart from each other as chance has them.
TEST(RandomResizedCrop, AreaIsUniformAndTheRatioInItsLogarithm) {
  TransformConfig config;
  config.crop_scale = {0.08, 0.5};
  std::vector<int> areas(4), ratios(4);
  const double low = std::log(3.0 / 4), span = std::log(4.0 / 3) - low;
  for (int i = 0; i < kDraws; ++i) {
    Random random = draw(i);
    const Box box = random_resized_box(4000, 4000, config, random);
    const double area = static_cast<double>(box.width) * box.height / 16e6,
                 ratio = std::log(static_cast<double>(box.width) / box.height);
    ++areas[std::min<size_t>(3, static_cast<size_t>(4 * (area - 0.08) / 0.42))];
    ++ratios[std::min<size_t>(3, static_cast<size_t>(4 * (ratio - low) / span))];
    ASSERT_GE(box.left, 0);
    ASSERT_GE(box.top, 0);
    ASSERT_LE(box.left + box.width, 4000);
    ASSERT_LE(box.top + box.height, 4000);
  }
  for (size_t quarter = 0; quarter < 4; ++quarter) {  // 4 standard deviations: 245
    EXPECT_NEAR(areas[quarter], kDraws / 4, 245) << "area, quarter " << quarter;
    EXPECT_NEAR(ratios[quarter], kDraws / 4, 245) << "ratio, quarter " << quarter;
  }
}

TEST(RandomResizedCrop, EveryPlaceIsEquallyLikely) {
  TransformConfig config;
  config.crop_scale = {0.25, 0.25};
  config.crop_ratio = {1, 1};
  std::vector<int> lefts(11), tops(11);
  for (int i = 0; i < kDraws; ++i) {
    Random random = draw(i);
    const Box box = random_resized_box(20, 20, config, random);
    ASSERT_EQ(box.width, 10);
    ASSERT_EQ(box.height, 10);
    ++lefts[static_cast<size_t>(box.left)];
    ++tops[static_cast<size_t>(box.top)];
  }
  for (size_t at = 0; at < 11; ++at) {  // 4 standard deviations: 163
    EXPECT_NEAR(lefts[at], kDraws / 11.0, 163) << "left " << at;
    EXPECT_NEAR(tops[at], kDraws / 11.0, 163) << "top " << at;
  }
}

// torchvision.transforms.RandomResizedCrop.get_params of the same strips, where no box ever fits.
TEST(RandomResizedCrop, OfALongStripTheMiddleIsTaken) {
  TransformConfig config;
  config.crop_scale = {1, 1};
  for (const auto& [width, height, expected] : {std::tuple{1000, 10, Box{493, 0, 13, 10}},
                                                {10, 1000, Box{0, 493, 10, 13}},
                                                {7, 101, Box{0, 46, 7, 9}},
                                                {333, 100, Box{100, 0, 133, 100}}}) {
    Random random = draw(width);
    const Box box = random_resized_box(width, height, config, random);
    EXPECT_EQ(std::tuple(box.left, box.top, box.width, box.height),
              std::tuple(expected.left, expected.top, expected.width, expected.height))
        << width << " x " << height;
  }
}

// What comes of a white picture tells by its black border where the crop was.
TEST(PaddedCrop, MovesByAtMostItsPaddingInBothDirections) {
  Image white(12, 12);
  std::fill(white.rgb.begin(), white.rgb.end(), uint8_t{255});
  TransformConfig config;
  config.image_size = 12;
  config.train_crop = "padded";
  config.crop_padding = 2;
  config.flip = 0;
  std::vector<int> moves(5);
  for (int i = 0; i < 2000; ++i) {
    const Image crop = apply_train(white, config, draw(i));
    int black_left = 0, black_right = 0;
    const uint8_t* row = crop.row(6);
    while (black_left < 12 && row[3 * black_left] == 0) ++black_left;
    while (black_right < 12 && row[3 * (11 - black_right)] == 0) ++black_right;
    ASSERT_TRUE(black_left == 0 || black_right == 0);
    ASSERT_LE(std::max(black_left, black_right), 2);
    ++moves[static_cast<size_t>(2 + black_left - black_right)];
  }
  for (const int count : moves) EXPECT_NEAR(count, 400, 72);  // 4 standard deviations
}

TEST(Flip, HappensAsOftenAsItShould) {
  Image half(8, 8);
  for (int y = 0; y < 8; ++y) std::fill_n(half.row(y), 12, uint8_t{255});  // the left half is white
  TransformConfig config;
  config.image_size = 8;
  config.flip = 0.25;
  for (const char* crop : {"none", "random_resized"}) {
    config.train_crop = crop;
    config.crop_scale = {1, 1};
    config.crop_ratio = {1, 1};
    int flipped = 0;
    for (int i = 0; i < 2000; ++i) flipped += apply_train(half, config, draw(i)).row(0)[0] < 128;
    EXPECT_NEAR(flipped, 500, 78) << crop;  // 4 standard deviations
  }
}

}  // namespace
}  // namespace vicinity::testing
