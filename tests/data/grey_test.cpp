// Pictures for models of one channel: made grey as Pillow does, before anything else.
#include <gtest/gtest.h>

#include "data/loader.h"
#include "data/source/folder.h"
#include "data/transforms/pixel_ops.h"
#include "tests/support/encoded_images.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_images.h"

namespace vicinity::testing {
namespace {

TransformConfig grey_transform() {
  TransformConfig transform;
  transform.image_size = 24;
  transform.mean = {0.4};
  transform.std = {0.2};
  return transform;
}

TransformConfig colour_transform() {
  TransformConfig transform = grey_transform();
  transform.mean = {0.4, 0.4, 0.4};
  transform.std = {0.2, 0.2, 0.2};
  return transform;
}

std::vector<uint8_t> bytes_of(const Image& image, int channels) {
  std::vector<uint8_t> bytes(static_cast<size_t>(image.width * image.height * channels));
  copy_pixels(image, channels, bytes.data());
  return bytes;
}

Image greyed(Image image) {
  to_grey(image);
  return image;
}

TEST(Grey, EvaluationAndTrainingSeeThePictureMadeGreyFirst) {
  const Image picture = formula_image(61, 45), grey = greyed(picture);
  EXPECT_EQ(grey.rgb[0], (19595 * 0 + 38470 * 53 + 7471 * 106 + 32768) >> 16);
  EXPECT_EQ(bytes_of(picture, 3), picture.rgb);
  EXPECT_EQ(bytes_of(grey, 1).size(), 61u * 45u);
  EXPECT_EQ(bytes_of(grey, 1)[7], grey.rgb[21]);
  EXPECT_EQ(apply_eval(picture, grey_transform()).rgb, apply_eval(grey, colour_transform()).rgb);
  EXPECT_NE(apply_eval(picture, grey_transform()).rgb, apply_eval(picture, colour_transform()).rgb);
  for (const char* crop : {"random_resized", "padded", "none"}) {
    TransformConfig one = grey_transform(), three = colour_transform();
    one.train_crop = three.train_crop = crop;
    one.augment.augment = three.augment.augment = "rand-m9-mstd0.5-inc1";  // turns, and fills
    const Random random(3, Purpose::augmentation, 1, 2);
    const Image seen = apply_train(picture, one, random);
    EXPECT_EQ(seen.rgb, apply_train(grey, three, random).rgb) << crop;
  }
}

TEST(Grey, BatchesHaveOneChannel) {
  const TempDir folder;
  write_class_folders(folder.path(), 2, 3, 30);
  const FolderSource source(folder.path());
  for (const LoaderMode mode : {LoaderMode::train, LoaderMode::eval}) {
    Loader one(source, grey_transform(), mode, 4, {.threads = 2});
    const Batch batch = one.next();
    ASSERT_EQ(batch.images.size(), 4u * 24u * 24u);
    for (int64_t i = 0; i < batch.count; ++i) {
      const Image picture = source.load(batch.indices[static_cast<size_t>(i)]);
      if (mode == LoaderMode::train) continue;
      const auto expected = bytes_of(apply_eval(greyed(picture), colour_transform()), 1);
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), batch.images.begin() + i * 24 * 24));
    }
  }
}

TEST(Grey, OneNumberOrThree) {
  const auto problems = [](std::vector<double> mean) {
    TransformConfig transform;
    transform.mean = std::move(mean);
    Problems found;
    transform.check(found);
    return found.all().empty();
  };
  EXPECT_TRUE(problems({0.5}));
  EXPECT_TRUE(problems({0.5, 0.5, 0.5}));
  EXPECT_FALSE(problems({0.5, 0.5}));
  EXPECT_FALSE(problems({}));
}

}  // namespace
}  // namespace vicinity::testing
