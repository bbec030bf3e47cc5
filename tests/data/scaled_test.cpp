#include <gtest/gtest.h>

#include "core/base/files.h"
#include "core/base/log.h"
#include "data/image/decode.h"
#include "data/image/orientation.h"
#include "data/loader.h"
#include "data/source/folder.h"
#include "tests/support/encoded_images.h"
#include "tests/support/temp_dir.h"

namespace vicinity::testing {
namespace {

std::span<const uint8_t> span_of(const std::string& bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

Part reduced(const std::string& jpeg, const Box& box, int smallest) {
  Part part;
  decode_part(
      span_of(jpeg), "x", [&](int, int) { return box; }, part, smallest);
  return part;
}

// A slow gradient, whose reduction is the mean of its pixels.
Image smooth_image(int width, int height) {
  Image image(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.row(y)[3 * x] = static_cast<uint8_t>(255 * x / width);
      image.row(y)[3 * x + 1] = static_cast<uint8_t>(255 * y / height);
      image.row(y)[3 * x + 2] = static_cast<uint8_t>(255 * (x + y) / (width + height));
    }
  }
  return image;
}

// For each way to store colours: a part of the reduced picture has the pixels of the whole reduced
// picture, and these are near the means of what they stand for.
TEST(ScaledDecoding, APartHasThePixelsOfTheWholeReducedPicture) {
  const Image image = smooth_image(333, 251);
  for (const JpegKind& kind :
       {JpegKind{}, JpegKind{.progressive = true}, JpegKind{.horizontal = 1, .vertical = 1}}) {
    const std::string jpeg = encode_jpeg(image, kind);
    for (const int by : {2, 4, 8}) {
      const Part whole = reduced(jpeg, {0, 0, 333, 251}, 251 / by);
      ASSERT_EQ(whole.pixels.width, (333 + by - 1) / by);
      const Box box{100, 50, 170, 160};
      const Part part = reduced(jpeg, box, 160 / by);
      EXPECT_EQ(part.box.width, (270 + by / 2) / by - (100 + by / 2) / by);
      const int left = (100 + by / 2) / by, top = (50 + by / 2) / by;
      for (int y = 0; y < part.box.height; ++y) {
        for (int x = 0; x < part.box.width; ++x) {
          const uint8_t *got = part.pixels.row(part.box.top + y) + 3 * (part.box.left + x),
                        *want = whole.pixels.row(top + y) + 3 * (left + x);
          ASSERT_TRUE(std::equal(got, got + 3, want)) << by << ": " << x << ", " << y;
          const double mean = 255.0 * ((left + x + 0.5) * by - 0.5) / 333;
          ASSERT_NEAR(got[0], mean, 6) << by << ": " << x << ", " << y;
        }
      }
    }
  }
}

TEST(ScaledDecoding, NoSideBecomesShorterThanWhatIsAskedFor) {
  const std::string jpeg = encode_jpeg(smooth_image(400, 300));
  for (const auto& [smallest, width] :
       {std::pair{0, 400}, {151, 400}, {150, 200}, {76, 200}, {75, 100}, {37, 50}, {1, 50}})
    EXPECT_EQ(reduced(jpeg, {0, 0, 400, 300}, smallest).box.width, width) << smallest;
  EXPECT_EQ(reduced(jpeg, {399, 299, 1, 1}, 1).box.width, 1);
}

TEST(ScaledDecoding, ChangesTrainingAndNotEvaluation) {
  const TempDir folder;
  std::filesystem::create_directories(folder.file("a"));
  for (int i = 0; i < 6; ++i)
    write_file_atomically(folder.file(str("a/", i, ".jpg")),
                          encode_jpeg(smooth_image(200 + i, 180)));
  const FolderSource source(folder.path());
  const auto batch = [&](LoaderMode mode, bool scaled, double least) {
    TransformConfig transform;
    transform.image_size = 32;
    transform.crop_scale = {least, 1};
    transform.scaled_decoding = scaled;
    Loader loader(source, transform, mode, 6, {.threads = 2, .seed = 3});
    return loader.next().images;
  };
  EXPECT_EQ(batch(LoaderMode::eval, true, 0.5), batch(LoaderMode::eval, false, 0.5));
  const std::vector<uint8_t> exact = batch(LoaderMode::train, false, 0.5),
                             fast = batch(LoaderMode::train, true, 0.5);
  EXPECT_NE(fast, exact);
  double difference = 0;
  for (size_t i = 0; i < exact.size(); ++i) difference += std::abs(int{exact[i]} - int{fast[i]});
  EXPECT_LT(difference / static_cast<double>(exact.size()), 3) << "the same crops";
}

}  // namespace
}  // namespace vicinity::testing
