#include "data/image/decode.h"

#include <jpeglib.h>
#include <png.h>
#include <webp/decode.h>

#include <csetjmp>
#include <cstring>
#include <new>

#include "core/base/error.h"

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

struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void on_jpeg_error(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->escape, 1);
}

// libjpeg warns about damaged data and invents the rest; for training that is an error.
void on_jpeg_message(j_common_ptr info, int level) {
  if (level < 0) on_jpeg_error(info);
}

void cmyk_to_rgb(const uint8_t* in, uint8_t* out, int width) {
  for (int x = 0; x < width; ++x, in += 4, out += 3) {  // Adobe's files hold inverted ink
    for (int c = 0; c < 3; ++c) out[c] = static_cast<uint8_t>((in[c] * in[3] + 127) / 255);
  }
}

// No object with a destructor may be made between setjmp and longjmp: `image` and `line` belong to
// the caller.
bool read_jpeg(Bytes bytes, Image& image, std::vector<uint8_t>& line, JpegErrors& errors,
               jpeg_decompress_struct& info) {
  if (setjmp(errors.escape) != 0) return false;
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes.data(), bytes.size());
  jpeg_read_header(&info, TRUE);
  if (int64_t{info.image_width} * info.image_height > kMaxPixels) {
    std::strcpy(errors.message, "too many pixels");
    return false;
  }
  const bool cmyk = info.num_components == 4;
  info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  info.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&info);
  image = Image(static_cast<int>(info.output_width), static_cast<int>(info.output_height));
  line.resize(cmyk ? static_cast<size_t>(info.output_width) * 4 : 0);
  while (info.output_scanline < info.output_height) {
    uint8_t* row = image.row(static_cast<int>(info.output_scanline));
    uint8_t* target = cmyk ? line.data() : row;
    jpeg_read_scanlines(&info, &target, 1);
    if (cmyk) cmyk_to_rgb(target, row, image.width);
  }
  jpeg_finish_decompress(&info);
  return true;
}

struct JpegReader {
  JpegErrors errors{};
  jpeg_decompress_struct info{};
  JpegReader() {
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = on_jpeg_error;
    errors.base.emit_message = on_jpeg_message;
  }
  ~JpegReader() { jpeg_destroy_decompress(&info); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
};

Image decode_jpeg(Bytes bytes, const std::string& name) {
  Image image;
  std::vector<uint8_t> line;
  JpegReader reader;
  VIC_CHECK(DataError, read_jpeg(bytes, image, line, reader.errors, reader.info), "'", name,
            "' is a damaged JPEG: ", reader.errors.message);
  return image;
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
  int width = 0, height = 0;
  VIC_CHECK(DataError, WebPGetInfo(bytes.data(), bytes.size(), &width, &height) != 0, "'", name,
            "' is a damaged WebP");
  check_size(width, height, name);
  Image image(width, height);
  const uint8_t* done =
      WebPDecodeRGBInto(bytes.data(), bytes.size(), image.rgb.data(), image.rgb.size(), width * 3);
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
  VIC_CHECK(DataError, read_png(reader.png, reader.info, source, image, rows), "'", name,
            "' is a damaged PNG: ", errors.message);
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
  try {
    switch (format_of(bytes)) {
      case ImageFormat::jpeg:
        return decode_jpeg(bytes, name);
      case ImageFormat::png:
        return decode_png(bytes, name);
      case ImageFormat::webp:
        return decode_webp(bytes, name);
      case ImageFormat::other:
        refuse_foreign(bytes, name);
    }
  } catch (const std::bad_alloc&) {
    VIC_FAIL(DataError, "'", name, "' has more pixels than the memory holds");
  }
  VIC_FAIL(InternalError, "unknown image format");
}

}  // namespace vicinity
