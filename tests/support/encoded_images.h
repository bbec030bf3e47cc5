// Image files made in memory, and pictures to make them of.
#pragma once

// jpeglib.h needs size_t and FILE
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <jpeglib.h>

#include "data/image/image.h"

namespace vicinity::testing {

/// value(c, y, x) = (37 x + 91 y + 53 c + x y) mod 256
inline Image formula_image(int width, int height) {
  Image image(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c)
        image.row(y)[3 * x + c] = static_cast<uint8_t>(37 * x + 91 * y + 53 * c + x * y);
    }
  }
  return image;
}

struct JpegKind {
  int quality = 80;
  bool progressive = false;
  int horizontal = 2, vertical = 2;  // luma samples per chroma sample
  int restart_rows = 0;
};

/// Rows of `pixels`, `components` bytes a pixel, with what `set` changes of libjpeg's defaults.
template <class Set>
std::string encode_jpeg_rows(const uint8_t* pixels, int width, int height, int components,
                             J_COLOR_SPACE space, Set&& set) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = components;
  info.in_color_space = space;
  jpeg_set_defaults(&info);
  set(info);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(pixels + static_cast<size_t>(info.next_scanline) *
                                                     static_cast<size_t>(width * components));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  std::string result(reinterpret_cast<char*>(bytes), size);
  jpeg_destroy_compress(&info);
  free(bytes);
  return result;
}

inline std::string encode_jpeg(const Image& image, const JpegKind& kind = {}) {
  return encode_jpeg_rows(image.rgb.data(), image.width, image.height, 3, JCS_RGB,
                          [&](jpeg_compress_struct& info) {
                            jpeg_set_quality(&info, kind.quality, TRUE);
                            info.comp_info[0].h_samp_factor = kind.horizontal;
                            info.comp_info[0].v_samp_factor = kind.vertical;
                            info.restart_in_rows = kind.restart_rows;
                            if (kind.progressive) jpeg_simple_progression(&info);
                          });
}

/// One colour of four inks, stored as they are or as brightness, two colours and black.
inline std::string encode_cmyk_jpeg(int width, int height, const std::array<uint8_t, 4>& inks,
                                    bool ycck) {
  std::vector<uint8_t> pixels;
  for (int i = 0; i < width * height; ++i) pixels.insert(pixels.end(), inks.begin(), inks.end());
  return encode_jpeg_rows(pixels.data(), width, height, 4, JCS_CMYK,
                          [&](jpeg_compress_struct& info) {
                            jpeg_set_colorspace(&info, ycck ? JCS_YCCK : JCS_CMYK);
                            jpeg_set_quality(&info, 100, TRUE);
                          });
}

inline std::string encode_grey_jpeg(int width, int height, uint8_t value) {
  const std::vector<uint8_t> pixels(static_cast<size_t>(width * height), value);
  return encode_jpeg_rows(pixels.data(), width, height, 1, JCS_GRAYSCALE,
                          [](jpeg_compress_struct& info) { jpeg_set_quality(&info, 100, TRUE); });
}

}  // namespace vicinity::testing
