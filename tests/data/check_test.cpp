#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <iostream>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "data/check/check.h"
#include "data/check/look_hash.h"
#include "data/image/decode.h"
#include "data/image/kind.h"
#include "data/image/resize.h"
#include "tests/support/encoded_images.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_images.h"

namespace vicinity::testing {
namespace {

// Waves of three frequencies, another picture for each number.
Image waves(uint64_t number, int width, int height) {
  Random random(number, Purpose::test);
  std::array<double, 9> f{};
  for (double& value : f) value = random.uniform(1, 9);
  Image image(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double u = static_cast<double>(x) / width, v = static_cast<double>(y) / height;
      const double grey = 128 + 40 * std::sin(f[0] * u + f[1] * v) +
                          40 * std::cos(f[2] * u - f[3] * v * v) +
                          40 * std::sin(f[4] * u * v + f[5]);
      for (int c = 0; c < 3; ++c)
        image.row(y)[3 * x + c] = static_cast<uint8_t>(std::clamp(grey + 3 * c, 0.0, 255.0));
    }
  }
  return image;
}

std::span<const uint8_t> span_of(const std::string& bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

TEST(LookHash, SurvivesScalingEncodingAndBrightnessAndTellsPicturesApart) {
  for (uint64_t n = 0; n < 30; ++n) {
    const Image image = waves(n, 120, 90);
    const LookHash hash = look_hash(image);
    EXPECT_FALSE(hash.flat);
    const Image smaller = resize(image, {0, 0, 120, 90}, 61, 47, Interpolation::lanczos);
    EXPECT_LE(distance(hash, look_hash(smaller)), kAlike) << n;
    const std::string jpeg = encode_jpeg(image, {.quality = 50});
    EXPECT_LE(distance(hash, look_hash(decode_image(span_of(jpeg), "x"))), kAlike) << n;
    Image brighter = image;
    for (uint8_t& value : brighter.rgb) value = static_cast<uint8_t>(value * 3 / 4 + 30);
    EXPECT_LE(distance(hash, look_hash(brighter)), kAlike) << n;
    for (uint64_t m = 0; m < n; ++m)
      EXPECT_GT(distance(hash, look_hash(waves(m, 120, 90))), 2 * kAlike) << n << " " << m;
  }
  EXPECT_TRUE(look_hash(Image(40, 30)).flat);
}

// The tables find exactly the pairs that a look at all pairs finds.
TEST(LookHash, GroupsAreThoseOfAllPairs) {
  Random random(5, Purpose::test);
  std::vector<LookHash> hashes;
  for (int i = 0; i < 600; ++i) {
    LookHash hash;
    if (i % 3 > 0) {  // a few bits from an earlier one
      hash = hashes[random.below(hashes.size())];
      for (uint64_t flips = random.below(12); flips > 0; --flips)
        hash.bits[random.below(2)] ^= uint64_t{1} << random.below(64);
    } else {
      for (uint64_t& half : hash.bits) half = uint64_t{random.next()} << 32 | random.next();
    }
    hash.flat = random.below(20) == 0;
    hashes.push_back(hash);
  }
  std::vector<int64_t> wanted(hashes.size());
  for (size_t i = 0; i < hashes.size(); ++i) {
    wanted[i] = static_cast<int64_t>(i);
    for (size_t j = 0; j < i; ++j) {
      if (hashes[i].flat || hashes[j].flat || distance(hashes[i], hashes[j]) > kAlike) continue;
      const int64_t one = wanted[i], other = wanted[j];
      for (size_t k = 0; k <= i; ++k) {
        if (wanted[k] == std::max(one, other)) wanted[k] = std::min(one, other);
      }
    }
  }
  EXPECT_EQ(alike_groups(hashes), wanted);
  EXPECT_TRUE(alike_groups({}).empty());
}

TEST(LookHash, AMillionPicturesAreCompared) {
  Random random(6, Purpose::test);
  const size_t count = std::getenv("VICINITY_FULL") != nullptr ? 1281167 : 100000;
  std::vector<LookHash> hashes(count);
  for (LookHash& hash : hashes) {
    for (uint64_t& half : hash.bits) half = uint64_t{random.next()} << 32 | random.next();
  }
  hashes[count - 1] = hashes[7];
  hashes[count - 1].bits[1] ^= 0x8000000000000001;
  const std::vector<int64_t> first = alike_groups(hashes);
  EXPECT_EQ(first[count - 1], 7);
  EXPECT_EQ(first[count - 2], static_cast<int64_t>(count) - 2);
}

TEST(ImageKind, IsReadFromTheHeader) {
  const Image image = formula_image(20, 16);
  EXPECT_EQ(kind_of_image(span_of(encode_jpeg(image))).format, ImageFormat::jpeg);
  EXPECT_FALSE(kind_of_image(span_of(encode_jpeg(image, {.progressive = true}))).grey);
  EXPECT_TRUE(kind_of_image(span_of(encode_grey_jpeg(8, 8, 100))).grey);
  EXPECT_TRUE(kind_of_image(span_of(encode_cmyk_jpeg(8, 8, {1, 2, 3, 4}, true))).cmyk);
  const ImageKind png = kind_of_image(span_of(encode_png(image)));
  EXPECT_EQ(png.format, ImageFormat::png);
  EXPECT_FALSE(png.grey || png.alpha || png.wide);
  const std::string bytes = encode_png(image) + encode_jpeg(image);
  for (size_t cut = 0; cut < bytes.size(); cut += 3) kind_of_image(span_of(bytes).subspan(0, cut));
  for (size_t from = 0; from < bytes.size(); ++from) kind_of_image(span_of(bytes).subspan(from));
}

TEST(CheckData, FindsWhatRepeats) {
  log_to_stderr(false);
  const TempDir folder;
  const auto put = [&](const std::string& name, const std::string& bytes) {
    std::filesystem::create_directories(std::filesystem::path(folder.file(name)).parent_path());
    write_file_atomically(folder.file(name), bytes);
  };
  for (uint64_t n = 0; n < 6; ++n)
    put(str("train/", n % 2 == 0 ? "a" : "b", "/", n, ".png"), encode_png(waves(n, 60, 50)));
  for (uint64_t n = 6; n < 10; ++n)
    put(str("val/", n % 2 == 0 ? "a" : "b", "/", n, ".png"), encode_png(waves(n, 60, 50)));
  put("train/b/same.png", encode_png(waves(0, 60, 50)));       // other class
  put("train/a/zalike.jpg", encode_jpeg(waves(2, 120, 100)));  // scaled
  put("val/a/same.png", encode_png(waves(4, 60, 50)));         // leaks
  put("val/b/alike.jpg", encode_jpeg(waves(3, 60, 50), {.quality = 40}));
  put("val/b/flat.png", encode_png(Image(30, 8)));
  put("train/b/flat.png", encode_png(Image(30, 9)));
  const DataSets data = open_data({.root = folder.path()}, 0);
  int64_t told = 0;
  const DataReport report =
      check_data(data, 10, [&](int64_t done) { told = std::max(told, done); });
  EXPECT_EQ(told, data.train->size() + data.val->size());
  const auto text = [&](const std::vector<Repeat>& repeats) {
    std::string list;
    for (const Repeat& r : repeats) {
      list += (r.second_in_val ? data.val : data.train)->key(r.second) +
              (r.same_bytes ? "==" : "~") + (r.first_in_val ? data.val : data.train)->key(r.first) +
              " ";
    }
    return list;
  };
  EXPECT_EQ(text(report.within_train), "a/zalike.jpg~a/2.png b/same.png==a/0.png ");
  EXPECT_EQ(text(report.leaks), "a/same.png==a/4.png b/alike.jpg~b/3.png ");
  EXPECT_EQ(text(report.two_classes), "b/same.png==a/0.png ");
  EXPECT_EQ(text(report.within_val), "");
  EXPECT_EQ(report.train.flat, 1);
  EXPECT_EQ(report.val.tiny, (std::vector<int64_t>{6}));
  EXPECT_EQ(report.val.height.least, 8);
  EXPECT_EQ(report.train.width.most, 120);
  EXPECT_EQ(report.val.per_class, (std::vector<int64_t>{3, 4}));
  log_to_stderr(true);
}

}  // namespace
}  // namespace vicinity::testing
