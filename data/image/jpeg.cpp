#include "data/image/jpeg.h"

#include <cstdio>

#include <jerror.h>
#include <jpeglib.h>

#include <csetjmp>
#include <cstring>

#include "core/base/error.h"
#include "data/image/decode.h"

namespace vicinity {
namespace {

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

// Oddities that change no pixel: bytes between two segments, which many cameras leave, and unknown
// versions.
bool is_harmless(int warning) {
  return warning == JWRN_EXTRANEOUS_DATA || warning == JWRN_JFIF_MAJOR ||
         warning == JWRN_ADOBE_XFORM;
}

// libjpeg warns about damaged data and invents the rest; for training that is an error.
void on_jpeg_message(j_common_ptr info, int level) {
  if (level < 0 && !is_harmless(info->err->msg_code)) on_jpeg_error(info);
}

void cmyk_to_rgb(const uint8_t* in, uint8_t* out, int width) {
  for (int x = 0; x < width; ++x, in += 4, out += 3) {  // Adobe's files hold inverted ink
    for (int c = 0; c < 3; ++c) out[c] = static_cast<uint8_t>((in[c] * in[3] + 127) / 255);
  }
}

// No object with a destructor may be made between setjmp and longjmp: `image` and `line` belong to
// the caller.
bool read_jpeg(std::span<const uint8_t> bytes, Image& image, std::vector<uint8_t>& line,
               JpegErrors& errors, jpeg_decompress_struct& info) {
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

}  // namespace

Image decode_jpeg(std::span<const uint8_t> bytes, const std::string& name) {
  Image image;
  std::vector<uint8_t> line;
  JpegReader reader;
  VIC_CHECK(DataError, read_jpeg(bytes, image, line, reader.errors, reader.info), "'", name,
            "' is a damaged JPEG: ", reader.errors.message);
  return image;
}

}  // namespace vicinity
