#include "data/image/probe.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <webp/encode.h>
#include <zlib.h>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "data/image/decode.h"
#include "data/image/png_writer.h"
#include "data/loader.h"
#include "data/source/open.h"
#include "tests/support/encoded_images.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_images.h"

namespace vicinity::testing {
namespace {

std::string encode_webp(const Image& image) {
  uint8_t* bytes = nullptr;
  const size_t size =
      WebPEncodeLosslessRGB(image.rgb.data(), image.width, image.height, image.width * 3, &bytes);
  std::string text(reinterpret_cast<char*>(bytes), size);
  WebPFree(bytes);
  return text;
}

// A JPEG with `count` application segments of 60 kB before its frame header.
std::string with_segments(const std::string& jpeg, int count) {
  std::string segment = "\xff\xe1\xea\x60" + std::string(60000 - 2, 'x');
  std::string text = jpeg.substr(0, 2);
  for (int i = 0; i < count; ++i) text += segment;
  return text + jpeg.substr(2);
}

class ProbeTest : public ::testing::Test {
 protected:
  void SetUp() override { log_to_stderr(false); }
  void TearDown() override { log_to_stderr(true); }
  bool whole(const std::string& bytes) {
    write_file_atomically(folder_.file("image"), bytes);
    return looks_whole(folder_.file("image"));
  }
  TempDir folder_;
};

TEST_F(ProbeTest, SoundFilesPassAndTruncatedOnesAreSuspected) {
  const Image image = formula_image(20, 16);
  const std::vector<std::string> files = {encode_png(image), encode_jpeg(image), encode_webp(image),
                                          encode_jpeg(image, {.progressive = true})};
  for (const std::string& bytes : files) {
    EXPECT_TRUE(whole(bytes));
    for (size_t cut = 0; cut < bytes.size(); cut += 1 + bytes.size() / 20)
      EXPECT_FALSE(whole(bytes.substr(0, cut))) << cut << " of " << bytes.size();
  }
  EXPECT_TRUE(whole(with_segments(files[1], 5))) << "the frame header may stand far behind";
  EXPECT_FALSE(whole("not an image"));
  EXPECT_FALSE(looks_whole(folder_.file("absent")));
  EXPECT_FALSE(looks_whole(folder_.path()));
}

TEST_F(ProbeTest, AbsurdSizesAreAnErrorThatNamesTheFile) {
  std::string png = encode_png(formula_image(9, 7));
  for (size_t i = 16; i < 24; ++i) png[i] = '\x7f';
  EXPECT_FALSE(whole(png));
  std::string jpeg = encode_jpeg(formula_image(9, 7));
  const size_t frame = jpeg.find("\xff\xc0");
  for (size_t i = frame + 5; i < frame + 9; ++i) jpeg[i] = '\x7f';
  EXPECT_FALSE(whole(jpeg));
  for (const std::string& bytes : {png, jpeg}) {
    try {
      decode_image({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "big one");
      FAIL();
    } catch (const DataError& error) {
      EXPECT_NE(error.message().find("big one"), std::string::npos);
    }
  }
}

std::string message_of(const std::string& bytes) {
  try {
    decode_image({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "it");
  } catch (const DataError& error) {
    return error.message();
  }
  return "";
}

TEST_F(ProbeTest, LargePngsAndAnimatedWebpsAreNotCalledDamaged) {
  std::string png = encode_png(formula_image(9, 7));
  png.replace(16, 8, std::string("\0\0\x4e\x20\0\0\x4e\x20", 8));  // 20,000 x 20,000
  const uint32_t crc = crc32(0, reinterpret_cast<const Bytef*>(&png[12]), 17);
  for (size_t i = 0; i < 4; ++i) png[29 + i] = static_cast<char>(crc >> (24 - 8 * i));
  EXPECT_FALSE(whole(png));
  EXPECT_EQ(message_of(png), "'it' claims 20000 x 20000 pixels; the most is 268435456");
  // VP8X with the bit of animations and a canvas of 10 x 8, ANIM with its background and loops.
  const std::string webp(
      "RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x09\0\0\x07\0\0"
      "ANIM\x06\0\0\0\0\0\0\0\0\0",
      44);
  EXPECT_FALSE(whole(webp));
  EXPECT_EQ(message_of(webp),
            "'it' is an animated WebP, which is not read; save one of its frames as an image");
}

#if !defined(__SANITIZE_ADDRESS__)  // it maps more addresses than any limit allows
TEST_F(ProbeTest, MemoryThatRunsOutIsAnErrorThatNamesTheFile) {
  std::string jpeg = encode_jpeg(formula_image(9, 7));
  const size_t frame = jpeg.find("\xff\xc0");
  for (size_t i = frame + 5; i < frame + 9; i += 2) {  // 16,000
    jpeg[i] = '\x3e';
    jpeg[i + 1] = '\x80';
  }
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit{rlim_t{500} << 20, rlim_t{500} << 20};
    setrlimit(RLIMIT_AS, &limit);
    try {
      decode_image({reinterpret_cast<const uint8_t*>(jpeg.data()), jpeg.size()}, "big one");
    } catch (const DataError& error) {
      _exit(error.message() == "'big one' has more pixels than the memory holds" ? 0 : 1);
    } catch (const std::bad_alloc&) {
      _exit(2);
    }
    _exit(3);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}
#endif

TEST_F(ProbeTest, DamageInTheMiddleIsMetByTheLoaderOrLeftOut) {
  write_class_folders(folder_.file("train"), 2, 4, 16);
  write_class_folders(folder_.file("val"), 2, 4, 16);
  std::string bytes = read_file(folder_.file("train/class_1/2.png"));
  bytes[bytes.size() / 2] ^= 0x10;
  write_file_atomically(folder_.file("train/class_1/2.png"), bytes);
  // Bytes behind the end: suspected, decoded, good.
  const std::string good = read_file(folder_.file("train/class_0/2.png"));
  write_file_atomically(folder_.file("train/class_0/2.png"), good + "and more");

  const DataSets probed = open_data({.root = folder_.path()}, 0);
  EXPECT_EQ(probed.train->size(), 8);
  Loader loader(*probed.train, {.image_size = 8}, LoaderMode::train, 8, {.threads = 2});
  try {
    loader.next();
    FAIL() << "a damaged image was trained on";
  } catch (const DataError& error) {
    EXPECT_NE(error.message().find("class_1/2.png"), std::string::npos) << error.message();
  }
  EXPECT_THROW(open_data({.root = folder_.path()}, 0, FileCheck::decode), DataError);
  EXPECT_EQ(open_data({.root = folder_.path(), .on_error = "skip"}, 0).train->size(), 7);
}

}  // namespace
}  // namespace vicinity::testing
