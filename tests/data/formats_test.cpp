// Kinds of JPEG, PNG and WebP that data sets hold now and then, made here with the libraries that
// write them. Expected: what Pillow's convert("RGB") gives, but 16 bits are cut to their upper 8.
#include <gtest/gtest.h>
#include <png.h>
#include <webp/encode.h>

#include "core/base/error.h"
#include "data/image/decode.h"
#include "tests/support/encoded_images.h"

namespace vicinity::testing {
namespace {

Image decode(const std::string& bytes) {
  return decode_image({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "test image");
}

struct PngKind {
  int bits = 8;
  int colour = PNG_COLOR_TYPE_RGB;
  bool interlaced = false;
  std::vector<png_color> palette;
  std::vector<uint8_t> palette_alpha;
};

void append(png_structp png, png_bytep data, size_t count) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<char*>(data), count);
}

// `samples`: rows as PNG stores them before filters.
std::string encode_png_kind(int width, int height, const PngKind& kind,
                            std::vector<std::vector<uint8_t>> samples) {
  std::string bytes;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(png, &bytes, append, nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height),
               kind.bits, kind.colour, kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!kind.palette.empty())
    png_set_PLTE(png, info, kind.palette.data(), static_cast<int>(kind.palette.size()));
  if (!kind.palette_alpha.empty()) {
    png_set_tRNS(png, info, kind.palette_alpha.data(), static_cast<int>(kind.palette_alpha.size()),
                 nullptr);
  }
  std::vector<png_bytep> rows;
  for (auto& row : samples) rows.push_back(row.data());
  png_write_info(png, info);
  png_write_image(png, rows.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

// sample(x, y, byte of the pixel)
template <class Sample>
std::vector<std::vector<uint8_t>> rows_of(int width, int height, int bytes_per_pixel,
                                          Sample&& sample) {
  std::vector<std::vector<uint8_t>> rows(static_cast<size_t>(height));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int b = 0; b < bytes_per_pixel; ++b)
        rows[static_cast<size_t>(y)].push_back(static_cast<uint8_t>(sample(x, y, b)));
    }
  }
  return rows;
}

template <class Channel>
void expect_pixels(const Image& image, int width, int height, Channel&& channel) {
  ASSERT_EQ(image.width, width);
  ASSERT_EQ(image.height, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c)
        ASSERT_EQ(image.row(y)[3 * x + c], static_cast<uint8_t>(channel(x, y, c)))
            << x << "," << y << " channel " << c;
    }
  }
}

const auto kFormula = [](int x, int y, int c) { return 37 * x + 91 * y + 53 * c + x * y; };

TEST(Formats, PngOf16BitsKeepsTheUpperEight) {
  // Big-endian samples: the even bytes are the upper ones, the odd ones must not matter.
  const auto rgb = rows_of(
      13, 9, 6, [](int x, int y, int b) { return b % 2 == 0 ? kFormula(x, y, b / 2) : 200 + b; });
  expect_pixels(decode(encode_png_kind(13, 9, {.bits = 16}, rgb)), 13, 9, kFormula);
  const auto grey =
      rows_of(13, 9, 2, [](int x, int y, int b) { return b == 0 ? kFormula(x, y, 0) : 255; });
  expect_pixels(decode(encode_png_kind(13, 9, {16, PNG_COLOR_TYPE_GRAY}, grey)), 13, 9,
                [](int x, int y, int) { return kFormula(x, y, 0); });
}

TEST(Formats, AlphaOfAPngIsDropped) {
  const auto rgba =
      rows_of(13, 9, 4, [](int x, int y, int b) { return b < 3 ? kFormula(x, y, b) : 40 * x; });
  expect_pixels(decode(encode_png_kind(13, 9, {8, PNG_COLOR_TYPE_RGB_ALPHA}, rgba)), 13, 9,
                kFormula);
  const auto grey =
      rows_of(13, 9, 2, [](int x, int y, int b) { return b == 0 ? kFormula(x, y, 0) : 40 * x; });
  expect_pixels(decode(encode_png_kind(13, 9, {8, PNG_COLOR_TYPE_GRAY_ALPHA}, grey)), 13, 9,
                [](int x, int y, int) { return kFormula(x, y, 0); });
}

TEST(Formats, PalettesOfAPngAreLookedUp) {
  std::vector<png_color> palette;
  for (int i = 0; i < 16; ++i) {
    palette.push_back({static_cast<png_byte>(16 * i), static_cast<png_byte>(255 - 7 * i),
                       static_cast<png_byte>(3 * i)});
  }
  const auto colour = [&](int x, int y, int c) {
    const png_color& p = palette[static_cast<size_t>((x + 3 * y) % 16)];
    return c == 0 ? p.red : c == 1 ? p.green : p.blue;
  };
  const auto bytes = rows_of(13, 9, 1, [](int x, int y, int) { return (x + 3 * y) % 16; });
  const auto halves = rows_of(7, 9, 1, [](int x, int y, int) {  // two pixels a byte
    return (2 * x + 3 * y) % 16 << 4 | (2 * x + 1 + 3 * y) % 16;
  });
  const PngKind plain{8, PNG_COLOR_TYPE_PALETTE, false, palette, {}},
      clear{8, PNG_COLOR_TYPE_PALETTE, false, palette, {0, 128, 7}},
      small{4, PNG_COLOR_TYPE_PALETTE, false, palette, {}};
  expect_pixels(decode(encode_png_kind(13, 9, plain, bytes)), 13, 9, colour);
  expect_pixels(decode(encode_png_kind(13, 9, clear, bytes)), 13, 9, colour);
  expect_pixels(decode(encode_png_kind(13, 9, small, halves)), 13, 9, colour);
}

TEST(Formats, OneBitAndInterlacedPngs) {
  const auto bits = rows_of(2, 9, 1, [](int x, int y, int) { return 0x35 * (x + 1) + y; });
  expect_pixels(decode(encode_png_kind(13, 9, {1, PNG_COLOR_TYPE_GRAY}, bits)), 13, 9,
                [&](int x, int y, int) {
                  const int byte = bits[static_cast<size_t>(y)][static_cast<size_t>(x / 8)];
                  return byte >> (7 - x % 8) & 1 ? 255 : 0;
                });
  const auto rgb = rows_of(13, 9, 3, kFormula);
  expect_pixels(decode(encode_png_kind(13, 9, {.interlaced = true}, rgb)), 13, 9, kFormula);
}

TEST(Formats, WebpLosslessIsExactWithAlphaDropped) {
  const Image image = formula_image(33, 21);
  uint8_t* bytes = nullptr;
  size_t size = WebPEncodeLosslessRGB(image.rgb.data(), 33, 21, 33 * 3, &bytes);
  EXPECT_EQ(decode(std::string(reinterpret_cast<char*>(bytes), size)).rgb, image.rgb);
  WebPFree(bytes);
  std::vector<uint8_t> rgba;
  for (size_t i = 0; i < image.rgb.size(); i += 3) {
    rgba.insert(rgba.end(), image.rgb.begin() + static_cast<ptrdiff_t>(i),
                image.rgb.begin() + static_cast<ptrdiff_t>(i) + 3);
    rgba.push_back(static_cast<uint8_t>(1 + i % 255));  // colours below alpha 0 are not kept
  }
  size = WebPEncodeLosslessRGBA(rgba.data(), 33, 21, 33 * 4, &bytes);
  const std::string file(reinterpret_cast<char*>(bytes), size);
  WebPFree(bytes);
  EXPECT_EQ(decode(file).rgb, image.rgb);
  EXPECT_THROW(decode(file.substr(0, size / 2)), DataError);
}

TEST(Formats, WebpWithLossIsClose) {
  Image image(48, 40);
  for (size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<uint8_t>(60 + i / 144);
  uint8_t* bytes = nullptr;
  const size_t size = WebPEncodeRGB(image.rgb.data(), 48, 40, 48 * 3, 95, &bytes);
  const Image back = decode(std::string(reinterpret_cast<char*>(bytes), size));
  WebPFree(bytes);
  ASSERT_EQ(back.rgb.size(), image.rgb.size());
  for (size_t i = 0; i < image.rgb.size(); ++i) ASSERT_NEAR(back.rgb[i], image.rgb[i], 4);
}

TEST(Formats, AProgressiveJpegIsTheBaselineOne) {
  const Image image = formula_image(61, 43);
  const Image baseline = decode(encode_jpeg(image));
  EXPECT_EQ(decode(encode_jpeg(image, {.progressive = true})).rgb, baseline.rgb);
  EXPECT_EQ(decode(encode_jpeg(image, {.restart_rows = 1})).rgb, baseline.rgb);
}

TEST(Formats, InkOfACmykJpegIsInvertedAsAdobeStoresIt) {
  for (const bool ycck : {false, true}) {
    const std::string bytes = encode_cmyk_jpeg(24, 17, {200, 100, 50, 180}, ycck);
    const Image image = decode(bytes);
    ASSERT_EQ(image.width, 24);
    const int expected[3] = {200 * 180 / 255, 100 * 180 / 255, 50 * 180 / 255};
    for (size_t i = 0; i < image.rgb.size(); ++i) ASSERT_NEAR(image.rgb[i], expected[i % 3], 2);
  }
}

TEST(Formats, AGreyJpegHasThreeEqualChannels) {
  const Image image = decode(encode_grey_jpeg(24, 17, 77));
  ASSERT_EQ(image.rgb.size(), 24u * 17 * 3);
  for (const uint8_t value : image.rgb) ASSERT_EQ(value, 77);
}

}  // namespace
}  // namespace vicinity::testing
