#include "data/image/decode.h"

#include <png.h>
#include <webp/decode.h>

#include <cstring>
#include <new>

#include "core/base/error.h"
#include "data/image/jpeg.h"

namespace vicinity {
namespace {

using Bytes = std::span<const uint8_t>;

bool begins(Bytes bytes, std::initializer_list<int> magic, size_t at = 0) {
  if (bytes.size() < at + magic.size()) return false;
  for (const int byte : magic) {
    if (bytes[at++] != byte) return false;
  }
  return true;
}

void check_size(int64_t width, int64_t height, const std::string& name) {
  VIC_CHECK(DataError, width > 0 && height > 0 && width * height <= kMaxPixels, "'", name,
            "' claims ", width, " x ", height, " pixels; the most is ", kMaxPixels);
}

struct PngSource {
  Bytes bytes;
  size_t at = 0;
};

void read_png_bytes(png_structp png, png_bytep to, size_t count) {
  auto* source = static_cast<PngSource*>(png_get_io_ptr(png));
  if (source->bytes.size() - source->at < count) png_error(png, "the file ends too early");
  std::memcpy(to, source->bytes.data() + source->at, count);
  source->at += count;
}

struct PngErrors {
  std::string message;
};

void on_png_error(png_structp png, png_const_charp message) {
  static_cast<PngErrors*>(png_get_error_ptr(png))->message = message;
  png_longjmp(png, 1);
}
void on_png_warning(png_structp, png_const_charp) {}

struct PngReader {
  png_structp png;
  png_infop info;
  explicit PngReader(PngErrors& errors)
      : png(png_create_read_struct(PNG_LIBPNG_VER_STRING, &errors, on_png_error, on_png_warning)),
        info(png != nullptr ? png_create_info_struct(png) : nullptr) {
    if (info == nullptr) throw std::bad_alloc();
  }
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
};

bool read_png(png_structp png, png_infop info, PngSource& source, Image& image,
              std::vector<uint8_t*>& rows) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_read_fn(png, &source, read_png_bytes);
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
  png_read_info(png, info);
  const png_uint_32 width = png_get_image_width(png, info),
                    height = png_get_image_height(png, info);
  if (int64_t{width} * height > kMaxPixels) png_error(png, "too many pixels");
  png_set_strip_16(png);
  png_set_palette_to_rgb(png);
  png_set_expand_gray_1_2_4_to_8(png);
  png_set_strip_alpha(png);
  png_set_gray_to_rgb(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (png_get_rowbytes(png, info) != size_t{width} * 3) png_error(png, "unexpected layout");
  image = Image(static_cast<int>(width), static_cast<int>(height));
  rows.resize(height);
  for (png_uint_32 y = 0; y < height; ++y) rows[y] = image.row(static_cast<int>(y));
  png_read_image(png, rows.data());
  png_read_end(png, nullptr);
  return true;
}

Image decode_webp(Bytes bytes, const std::string& name) {
  WebPBitstreamFeatures kind;
  VIC_CHECK(DataError, WebPGetFeatures(bytes.data(), bytes.size(), &kind) == VP8_STATUS_OK, "'",
            name, "' is a damaged WebP");
  VIC_CHECK(DataError, kind.has_animation == 0, "'", name,
            "' is an animated WebP, which is not read; save one of its frames as an image");
  check_size(kind.width, kind.height, name);
  Image image(kind.width, kind.height);
  const uint8_t* done = WebPDecodeRGBInto(bytes.data(), bytes.size(), image.rgb.data(),
                                          image.rgb.size(), kind.width * 3);
  VIC_CHECK(DataError, done != nullptr, "'", name, "' is a damaged or truncated WebP");
  return image;
}

// The name of a format that is recognised but not read, or null.
const char* foreign_format(Bytes bytes) {
  if (begins(bytes, {'B', 'M'})) return "BMP";
  if (begins(bytes, {'G', 'I', 'F', '8'})) return "GIF";
  if (begins(bytes, {'I', 'I', 42, 0}) || begins(bytes, {'M', 'M', 0, 42})) return "TIFF";
  if (begins(bytes, {'f', 't', 'y', 'p'}, 4)) return "HEIF or AVIF";
  if (bytes.size() > 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '7') return "PNM";
  return nullptr;
}

Image decode_png(Bytes bytes, const std::string& name) {
  PngSource source{bytes};
  PngErrors errors;
  PngReader reader(errors);
  Image image;
  std::vector<uint8_t*> rows;
  const bool whole = read_png(reader.png, reader.info, source, image, rows);
  if (const int64_t width = png_get_image_width(reader.png, reader.info); !whole && width > 0)
    check_size(width, png_get_image_height(reader.png, reader.info), name);
  VIC_CHECK(DataError, whole, "'", name, "' is a damaged PNG: ", errors.message);
  return image;
}

[[noreturn]] void refuse_foreign(Bytes bytes, const std::string& name) {
  VIC_CHECK(DataError, !bytes.empty(), "'", name, "' is empty (0 bytes)");
  const char* format = foreign_format(bytes);
  VIC_CHECK(DataError, format == nullptr, "'", name, "' is a ", format,
            " file, which is not read; convert it to JPEG, PNG or WebP");
  VIC_FAIL(DataError, "'", name, "' is not an image");
}

}  // namespace

ImageFormat format_of(std::span<const uint8_t> bytes) {
  if (begins(bytes, {0xff, 0xd8, 0xff})) return ImageFormat::jpeg;
  if (begins(bytes, {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'})) return ImageFormat::png;
  const bool webp = begins(bytes, {'R', 'I', 'F', 'F'}) && begins(bytes, {'W', 'E', 'B', 'P'}, 8);
  return webp ? ImageFormat::webp : ImageFormat::other;
}

Image decode_image(std::span<const uint8_t> bytes, const std::string& name) {
  Part part;
  decode_part(bytes, name, whole_box, part);
  return std::move(part.pixels);
}

void decode_part(std::span<const uint8_t> bytes, const std::string& name, const ChooseBox& choose,
                 Part& part, int smallest) {
  try {
    const ImageFormat format = format_of(bytes);
    if (format == ImageFormat::jpeg) return decode_jpeg_part(bytes, name, choose, part, smallest);
    if (format == ImageFormat::other) refuse_foreign(bytes, name);
    part.pixels = format == ImageFormat::png ? decode_png(bytes, name) : decode_webp(bytes, name);
  } catch (const std::bad_alloc&) {
    VIC_FAIL(DataError, "'", name, "' has more pixels than the memory holds");
  }
  part.box = choose(part.pixels.width, part.pixels.height);
}

}  // namespace vicinity
