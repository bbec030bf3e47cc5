#include <webp/decode.h>

#include "data/image/decode.h"
#include "data/image/probe.h"
#include "tests/fuzz/input.h"

namespace vicinity::fuzz {
namespace {

constexpr int64_t kMost = int64_t{1} << 22;  // pixels; larger claims only cost time

Box box_of(int width, int height) {
  VIC_CHECK(DataError, int64_t{width} * height <= kMost, "too many pixels for fuzzing");
  return {width / 3, height / 3, (width + 2) / 3, (height + 2) / 3};
}

// A JPEG asks for its box before it is decoded, the others afterwards.
bool claims_too_much(std::span<const uint8_t> bytes) {
  const ImageFormat format = format_of(bytes);
  int64_t width = 0, height = 0;
  if (format == ImageFormat::png && bytes.size() >= 24) {
    for (size_t i = 16; i < 20; ++i) width = width << 8 | bytes[i];
    for (size_t i = 20; i < 24; ++i) height = height << 8 | bytes[i];
  } else if (int w = 0, h = 0;
             format == ImageFormat::webp && WebPGetInfo(bytes.data(), bytes.size(), &w, &h) != 0) {
    width = w;
    height = h;
  }
  return width > kMost || height > kMost || width * height > kMost;
}

}  // namespace
}  // namespace vicinity::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vicinity;
  static const fuzz::MemoryFile file;
  const std::span<const uint8_t> bytes(data, size);
  if (fuzz::claims_too_much(bytes)) return 0;
  file.set(bytes);
  looks_whole(file.path());
  Part part;
  fuzz::answer([&] { decode_part(bytes, "input", fuzz::box_of, part); });
  fuzz::answer([&] {
    decode_part(
        bytes, "input",
        [](int width, int height) {
          fuzz::box_of(width, height);
          return whole_box(width, height);
        },
        part);
  });
  return 0;
}
