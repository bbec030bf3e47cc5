#include "data/image/jpeg.h"

#include <cstdio>

#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
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

// One file being read. Each step returns false on damage, with errors.message set. Between setjmp
// and longjmp no object with a destructor may be made: what the steps need lives in the members.
class JpegReader {
 public:
  explicit JpegReader(std::span<const uint8_t> bytes) : bytes_(bytes) {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = on_jpeg_error;
    errors_.base.emit_message = on_jpeg_message;
  }
  ~JpegReader() { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  bool read_header() {
    if (setjmp(errors_.escape) != 0) return false;
    jpeg_create_decompress(&info_);
    jpeg_mem_src(&info_, bytes_.data(), bytes_.size());
    jpeg_read_header(&info_, TRUE);
    if (int64_t{info_.image_width} * info_.image_height > kMaxPixels) {
      std::strcpy(errors_.message, "too many pixels");
      return false;
    }
    cmyk_ = info_.num_components == 4;
    info_.out_color_space = cmyk_ ? JCS_CMYK : JCS_RGB;
    info_.dct_method = JDCT_ISLOW;
    return true;
  }

  /// Rows and columns of `box` and a few columns on its sides.
  bool read_part(const Box& box, int smallest, Part& part) {
    if (setjmp(errors_.escape) != 0) return false;
    const int reduced = reduction(box, smallest);
    info_.scale_denom = static_cast<unsigned>(reduced);
    jpeg_start_decompress(&info_);
    const Box wanted = reduced == 1 ? box : reduce(box, reduced);
    JDIMENSION left = 0;
    if (wanted.width < output_width()) left = crop_columns(wanted);
    if (wanted.top > 0) jpeg_skip_scanlines(&info_, static_cast<JDIMENSION>(wanted.top));
    part.pixels.reshape(static_cast<int>(info_.output_width), wanted.height);
    part.box = {wanted.left - static_cast<int>(left), 0, wanted.width, wanted.height};
    line_.resize(cmyk_ ? static_cast<size_t>(info_.output_width) * 4 : 0);
    for (int y = 0; y < wanted.height; ++y) read_row(part.pixels.row(y));
    if (wanted.top + wanted.height == output_height()) jpeg_finish_decompress(&info_);
    return true;
  }

  int width() const { return static_cast<int>(info_.image_width); }
  int height() const { return static_cast<int>(info_.image_height); }
  const char* message() const { return errors_.message; }

 private:
  int output_width() const { return static_cast<int>(info_.output_width); }
  int output_height() const { return static_cast<int>(info_.output_height); }

  // By how much the inverse transform may reduce the picture, in each direction.
  static int reduction(const Box& box, int smallest) {
    int by = 1;
    while (smallest > 0 && by < 8 && std::min(box.width, box.height) >= 2 * by * smallest) by *= 2;
    return by;
  }

  // The box in pixels of the reduced picture.
  Box reduce(const Box& box, int by) const {
    const auto edge = [&](int at, int most) { return std::min((at + by / 2) / by, most); };
    const int left = edge(box.left, output_width() - 1), top = edge(box.top, output_height() - 1);
    return {left, top, std::max(1, edge(box.left + box.width, output_width()) - left),
            std::max(1, edge(box.top + box.height, output_height()) - top)};
  }

  // Smooth upsampling of the colours looks at their neighbours, which stand up to two pixels away;
  // at the edges of what is decoded it does not. Returns the first column.
  JDIMENSION crop_columns(const Box& wanted) {
    constexpr int kMargin = 4;
    auto left = static_cast<JDIMENSION>(std::max(0, wanted.left - kMargin));
    JDIMENSION count =
        static_cast<JDIMENSION>(std::min(output_width(), wanted.left + wanted.width + kMargin)) -
        left;
    jpeg_crop_scanline(&info_, &left, &count);  // moves `left` to the start of a block
    return left;
  }

  void read_row(uint8_t* row) {
    uint8_t* target = cmyk_ ? line_.data() : row;
    jpeg_read_scanlines(&info_, &target, 1);
    if (cmyk_) cmyk_to_rgb(target, row, static_cast<int>(info_.output_width));
  }

  std::span<const uint8_t> bytes_;
  JpegErrors errors_{};
  jpeg_decompress_struct info_{};
  bool cmyk_ = false;
  std::vector<uint8_t> line_;
};

}  // namespace

void decode_jpeg_part(std::span<const uint8_t> bytes, const std::string& name,
                      const ChooseBox& choose, Part& part, int smallest) {
  JpegReader reader(bytes);
  const bool done = reader.read_header() &&
                    reader.read_part(choose(reader.width(), reader.height()), smallest, part);
  VIC_CHECK(DataError, done, "'", name, "' is a damaged JPEG: ", reader.message());
}

}  // namespace vicinity
