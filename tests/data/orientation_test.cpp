#include "data/image/orientation.h"

#include <gtest/gtest.h>
#include <webp/encode.h>
#include <zlib.h>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/random.h"
#include "data/image/decode.h"
#include "data/image/png_writer.h"
#include "data/source/open.h"
#include "tests/support/encoded_images.h"
#include "tests/support/temp_dir.h"

namespace vicinity::testing {
namespace {

std::string number(uint64_t value, int bytes, bool big_endian) {
  std::string text;
  for (int i = 0; i < bytes; ++i)
    text += static_cast<char>(value >> 8 * (big_endian ? bytes - 1 - i : i));
  return text;
}

// A directory of two entries, of which the second is the orientation.
std::string tiff(int orientation, bool big) {
  const auto n = [big](uint64_t value, int bytes) { return number(value, bytes, big); };
  const auto entry = [&](uint64_t tag, uint64_t value) {
    return n(tag, 2) + n(3, 2) + n(1, 4) + n(value, 2) + n(0, 2);
  };
  return (big ? "MM" : "II") + n(42, 2) + n(8, 4) + n(2, 2) + entry(0x0103, 6) +
         entry(0x0112, static_cast<uint64_t>(orientation)) + n(0, 4);
}

std::string with_exif_jpeg(std::string jpeg, const std::string& block) {
  const std::string body = std::string("Exif\0\0", 6) + block;
  return jpeg.insert(2, "\xff\xe1" + number(body.size() + 2, 2, true) + body);
}

std::string with_exif_png(std::string png, const std::string& block) {
  const std::string body = "eXIf" + block;
  const auto sum =
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return png.insert(33, number(block.size(), 4, true) + body + number(sum, 4, true));
}

// WebP's extended form: canvas, pixels, EXIF.
std::string with_exif_webp(const Image& image, const std::string& block) {
  uint8_t* bytes = nullptr;
  const size_t size =
      WebPEncodeLosslessRGB(image.rgb.data(), image.width, image.height, image.width * 3, &bytes);
  const std::string pixels(reinterpret_cast<char*>(bytes) + 12, size - 12);
  WebPFree(bytes);
  const auto n = [](int value, int count) {
    return number(static_cast<uint64_t>(value), count, false);
  };
  const std::string body =
      "WEBPVP8X" + n(10, 4) + n(8, 4) + n(image.width - 1, 3) + n(image.height - 1, 3) + pixels +
      "EXIF" + n(static_cast<int>(block.size()), 4) + block + std::string(block.size() % 2, '\0');
  return "RIFF" + n(static_cast<int>(body.size()), 4) + body;
}

Image upright(const std::string& bytes, const ChooseBox& choose = whole_box) {
  Part part;
  decode_upright_part({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "test image",
                      choose, part);
  Image out(part.box.width, part.box.height);
  for (int y = 0; y < out.height; ++y)
    std::copy_n(part.pixels.row(part.box.top + y) + 3 * part.box.left, 3 * out.width, out.row(y));
  return out;
}

int orientation_of(const std::string& bytes) {
  return exif_orientation({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

// Letters as grey levels, rows between slashes.
Image image_of(const std::string& letters) {
  const auto slash = letters.find('/');
  const int width = static_cast<int>(std::min(slash, letters.size()));
  const int height = static_cast<int>(letters.size() + 1) / (width + 1);
  Image image(width, height);
  for (int y = 0; y < height; ++y) {
    for (int i = 0; i < 3 * width; ++i)
      image.row(y)[i] = static_cast<uint8_t>(letters[static_cast<size_t>(y * (width + 1) + i / 3)]);
  }
  return image;
}

// What Pillow's ImageOps.exif_transpose makes of abc above def.
TEST(Orientation, TurnsAndMirrorsAsPillow) {
  const char* expected[] = {"abc/def",  "cba/fed",  "fed/cba",  "def/abc",
                            "ad/be/cf", "da/eb/fc", "fc/eb/da", "cf/be/ad"};
  const Image stored = image_of("abc/def");
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Image wanted = image_of(expected[orientation - 1]);
    for (const bool big : {false, true}) {
      const std::string block = tiff(orientation, big);
      for (const std::string& bytes :
           {with_exif_png(encode_png(stored), block), with_exif_webp(stored, block)}) {
        const Image seen = upright(bytes);
        EXPECT_EQ(seen.width, wanted.width);
        EXPECT_EQ(seen.rgb, wanted.rgb) << orientation;
        EXPECT_EQ(
            decode_image({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "x").rgb,
            stored.rgb)
            << "without being asked nothing is turned";
      }
    }
  }
}

// Boxes chosen in the upright picture, of JPEGs that are decoded only in part.
TEST(Orientation, APartIsThatPartOfTheUprightPicture) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const std::string bytes =
        with_exif_jpeg(encode_jpeg(formula_image(67, 43)), tiff(orientation, true));
    const Image whole = upright(bytes);
    EXPECT_EQ(whole.width, orientation >= 5 ? 43 : 67);
    Random random(5, Purpose::test, static_cast<uint64_t>(orientation));
    for (int repeat = 0; repeat < 30; ++repeat) {
      const auto below = [&](int n) {
        return static_cast<int>(random.below(static_cast<uint64_t>(n)));
      };
      Box box{below(whole.width), below(whole.height), 0, 0};
      box.width = 1 + below(whole.width - box.left);
      box.height = 1 + below(whole.height - box.top);
      const Image part = upright(bytes, [&](int width, int height) {
        EXPECT_EQ(width, whole.width);
        EXPECT_EQ(height, whole.height);
        return box;
      });
      ASSERT_EQ(part.width, box.width);
      for (int y = 0; y < box.height; ++y)
        ASSERT_TRUE(std::equal(part.row(y), part.row(y) + 3 * box.width,
                               whole.row(box.top + y) + 3 * box.left));
    }
  }
}

TEST(Orientation, WhatMakesNoSenseIsUpright) {
  const std::string jpeg = encode_jpeg(formula_image(9, 7));
  EXPECT_EQ(orientation_of(jpeg), 1);
  EXPECT_EQ(orientation_of(""), 1);
  EXPECT_EQ(orientation_of(with_exif_jpeg(jpeg, tiff(6, true))), 6);
  EXPECT_EQ(orientation_of(with_exif_jpeg(jpeg, tiff(0, true))), 1);
  EXPECT_EQ(orientation_of(with_exif_jpeg(jpeg, tiff(9, false))), 1);
  EXPECT_EQ(orientation_of(with_exif_jpeg(jpeg, "")), 1);
  const std::string whole = with_exif_jpeg(jpeg, tiff(6, false));
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    const int orientation = orientation_of(whole.substr(0, cut));
    EXPECT_TRUE(orientation == 1 || orientation == 6) << cut;
    std::string damaged = whole;  // any byte may be any other
    for (const char value : {'\0', '\xff', '\x7f'}) {
      damaged[cut] = value;
      const int found = orientation_of(damaged);
      EXPECT_TRUE(found >= 1 && found <= 8);
    }
  }
}

TEST(Orientation, ASettingOfTheData) {
  TempDir folder;
  for (const std::string split : {"train", "val"}) {
    for (const std::string name : {"a", "b"}) {
      const std::string path = folder.path() + "/" + split + "/" + name;
      make_directories(path);
      write_file_atomically(path + "/1.png",
                            with_exif_png(encode_png(image_of("abc/def")), tiff(6, false)));
    }
  }
  DataConfig config;
  config.root = folder.path();
  EXPECT_EQ(open_data(config, 0).val->load(0).width, 3);
  config.exif = "apply";
  const DataSets data = open_data(config, 0);
  EXPECT_EQ(data.val->load(0).rgb, image_of("da/eb/fc").rgb);
  EXPECT_EQ(data.train->load(1).width, 2);
}

}  // namespace
}  // namespace vicinity::testing
