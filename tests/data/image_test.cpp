#include <gtest/gtest.h>

#include <zlib.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/image/decode.h"
#include "data/image/png_writer.h"
#include "data/image/resize.h"
#include "data/transforms/pipeline.h"
#include "tests/support/encoded_images.h"

namespace vicinity::testing {
namespace {

uint32_t crc_of(const Image& image) {
  return static_cast<uint32_t>(crc32(0, image.rgb.data(), static_cast<uInt>(image.rgb.size())));
}

Image decode(const std::string& bytes) {
  return decode_image({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "test image");
}

TEST(Resize, EqualsPillowToTheBit) {
  std::ifstream file(std::string(VICINITY_SOURCE_DIR) + "/tests/fixtures/pillow_resize.json");
  const auto fixture = nlohmann::json::parse(file);
  int checked = 0;
  for (const auto& c : fixture.at("cases")) {
    const std::string kind = c.at("kind");
    if (kind == "box_resize") continue;  // fractional boxes, which nothing here needs
    const auto source = c.at("source").get<std::vector<int>>(),
               size = c.at("size").get<std::vector<int>>();
    const Image image = formula_image(source[0], source[1]);
    ASSERT_EQ(crc_of(image), c.at("source_crc32").get<uint32_t>());
    Box box{0, 0, image.width, image.height};
    if (kind == "crop_resize") {
      const auto b = c.at("box").get<std::vector<int>>();
      box = {b[0], b[1], b[2] - b[0], b[3] - b[1]};
    }
    const Interpolation filter = interpolation_of(c.at("filter"));
    EXPECT_EQ(crc_of(resize(image, box, size[0], size[1], filter)), c.at("crc32").get<uint32_t>())
        << c.dump();
    ++checked;
  }
  EXPECT_EQ(checked, 126);
}

TEST(Resize, AWindowIsThatPartOfTheWhole) {
  const Image image = formula_image(50, 40);
  for (const std::string& name : interpolation_names()) {
    const Interpolation filter = interpolation_of(name);
    for (const auto& [width, height] : {std::pair{31, 90}, {50, 17}, {73, 40}, {50, 40}, {9, 11}}) {
      const Image whole = resize(image, {0, 0, 50, 40}, width, height, filter);
      for (const Box& box : {Box{0, 0, width, height}, Box{3, 5, 4, 6},
                             Box{width - 1, 0, 1, height}, Box{1, height - 2, width - 3, 2}}) {
        const Image part = resize_window(image, width, height, box, filter);
        ASSERT_EQ(part.width, box.width);
        for (int y = 0; y < box.height; ++y)
          ASSERT_EQ(std::memcmp(part.row(y), whole.row(box.top + y) + 3 * box.left,
                                static_cast<size_t>(box.width) * 3),
                    0)
              << name << " " << width << "x" << height << " row " << y;
      }
    }
  }
}

TEST(Resize, MirroredIsTheMirroredResult) {
  const Image image = formula_image(50, 40);
  for (const Box& box : {Box{3, 2, 40, 31}, Box{5, 0, 24, 40}}) {  // 24: no horizontal pass
    Image mirrored, straight = resize(image, box, 24, 20, Interpolation::bicubic);
    resize(image, box, 24, 20, Interpolation::bicubic, true, mirrored);
    for (int y = 0; y < 20; ++y) mirror_pixels(straight.row(y), 24);
    EXPECT_EQ(mirrored.rgb, straight.rgb);
    EXPECT_EQ(mirrored.row(0)[0], resize(image, box, 24, 20, Interpolation::bicubic).row(0)[69]);
  }
}

TEST(Decode, PngRoundTripIsExact) {
  const Image image = formula_image(31, 17);
  EXPECT_EQ(decode(encode_png(image)).rgb, image.rgb);
}

TEST(Decode, JpegIsClose) {
  Image image(40, 30);
  for (size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<uint8_t>(i / 120 * 4);
  const Image back = decode(encode_jpeg(image, {.quality = 95}));
  ASSERT_EQ(back.rgb.size(), image.rgb.size());
  for (size_t i = 0; i < image.rgb.size(); ++i) EXPECT_NEAR(back.rgb[i], image.rgb[i], 6);
}

TEST(Decode, BytesBetweenTheSegmentsOfAJpegAreNoDamage) {
  const std::string good = encode_jpeg(formula_image(40, 30));
  std::string odd = good;
  odd.insert(odd.size() - 2, "\x11\x12\x13");  // before the end marker
  odd.insert(odd.find("\xff\xdb"), "\x21\x22");
  EXPECT_EQ(decode(odd).rgb, decode(good).rgb);
  EXPECT_THROW(decode(good.substr(0, good.size() - 40) + "\xff\xd9"), DataError)
      << "an end marker does not make up for missing data";
}

// Every box of some sizes, at every alignment to the blocks of 8 and 16 pixels.
TEST(Decode, APartOfAJpegEqualsTheSamePartOfTheWhole) {
  const std::vector<JpegKind> kinds = {{},
                                       {.horizontal = 1, .vertical = 1},
                                       {.vertical = 1},
                                       {.horizontal = 1},
                                       {.restart_rows = 1},
                                       {.progressive = true},
                                       {.horizontal = 4}};
  for (size_t k = 0; k < kinds.size(); ++k) {
    for (const auto& [width, height] : {std::pair{67, 53}, {64, 48}, {3, 70}, {41, 2}}) {
      const std::string bytes = encode_jpeg(formula_image(width, height), kinds[k]);
      const Image whole = decode(bytes);
      Random random(k, Purpose::test, static_cast<uint64_t>(width));
      for (int repeat = 0; repeat < 400; ++repeat) {
        const auto below = [&](int n) {
          return static_cast<int>(random.below(static_cast<uint64_t>(n)));
        };
        Box box{below(width), below(height), 0, 0};
        box.width = 1 + below(width - box.left);
        box.height = 1 + below(height - box.top);
        Part part;
        decode_part(
            {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "test image",
            [&](int, int) { return box; }, part);
        ASSERT_EQ(part.box.width, box.width);
        for (int y = 0; y < box.height; ++y) {
          ASSERT_EQ(std::memcmp(part.pixels.row(part.box.top + y) + 3 * part.box.left,
                                whole.row(box.top + y) + 3 * box.left,
                                static_cast<size_t>(box.width) * 3),
                    0)
              << "kind " << k << " " << width << " x " << height << ", row " << y << " of "
              << box.left << "," << box.top << " " << box.width << " x " << box.height;
        }
      }
    }
  }
}

TEST(Decode, EveryTruncationIsAnErrorOrAnImageNeverACrash) {
  for (const std::string& bytes :
       {encode_png(formula_image(9, 7)), encode_jpeg(formula_image(20, 16))}) {
    for (size_t cut = 0; cut + 1 < bytes.size(); ++cut) {
      try {
        decode(bytes.substr(0, cut));
      } catch (const DataError&) {
      }
    }
    EXPECT_THROW(decode(bytes.substr(0, bytes.size() / 2)), DataError);
  }
}

TEST(Decode, FlippedBitsOfAPngAreNoticed) {
  const std::string good = encode_png(formula_image(16, 16));
  std::string bad = good;
  bad[good.size() / 2] ^= 0x10;
  EXPECT_THROW(decode(bad), DataError);
}

TEST(Decode, NamesWhatIsWrong) {
  const auto message = [](const std::string& bytes) {
    try {
      decode(bytes);
    } catch (const DataError& error) {
      return error.message();
    }
    return std::string("no error");
  };
  EXPECT_EQ(message(""), "'test image' is empty (0 bytes)");
  EXPECT_NE(message("BM123456").find("BMP"), std::string::npos);
  EXPECT_NE(message("GIF89a").find("GIF"), std::string::npos);
  EXPECT_EQ(message("hello"), "'test image' is not an image");
}

TEST(Transforms, ArePureAndOfTheRightSize) {
  const Image image = formula_image(57, 43);
  for (const char* crop : {"random_resized", "padded", "none"}) {
    TransformConfig config;
    config.image_size = 24;
    config.train_crop = crop;
    int different = 0;
    for (uint64_t i = 0; i < 20; ++i) {
      const Image a = apply_train(image, config, Random(1, Purpose::augmentation, i));
      const Image b = apply_train(image, config, Random(1, Purpose::augmentation, i));
      EXPECT_EQ(a.width, 24);
      EXPECT_EQ(a.height, 24);
      EXPECT_EQ(a.rgb, b.rgb);
      different += a.rgb != apply_eval(image, config).rgb;
    }
    EXPECT_GT(different, 5) << crop;
  }
}

TEST(Transforms, EvaluationIsResizeAndCentreCrop) {
  TransformConfig config;
  config.image_size = 224;
  const Image image = formula_image(640, 480);
  const Image resized = resize(image, {0, 0, 640, 480}, 341, 256, Interpolation::bicubic);
  const Image seen = apply_eval(image, config);
  for (int y : {0, 100, 223}) {
    EXPECT_EQ(std::memcmp(seen.row(y), resized.row(y + 16) + 3 * 58, 224 * 3), 0) << "row " << y;
  }
}

}  // namespace
}  // namespace vicinity::testing
