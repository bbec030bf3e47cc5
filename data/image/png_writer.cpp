#include "data/image/png_writer.h"

#include <png.h>

#include "core/base/error.h"
#include "core/base/files.h"

namespace vicinity {

std::string encode_png(const Image& image) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB;
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(png);
  std::string text(bytes, '\0');
  const int done =
      png_image_write_to_memory(&png, text.data(), &bytes, 0, image.rgb.data(), 0, nullptr);
  VIC_ASSERT(done != 0, png.message);
  text.resize(bytes);
  return text;
}

void write_png(const Image& image, const std::string& path) {
  write_file_atomically(path, encode_png(image));
}

}  // namespace vicinity
