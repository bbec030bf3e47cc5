// Image files made in memory, and pictures to make them of.
#pragma once

// jpeglib.h needs size_t and FILE
#include <cstdio>
#include <cstdlib>
#include <string>

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

inline std::string encode_jpeg(const Image& image, const JpegKind& kind = {}) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, kind.quality, TRUE);
  info.comp_info[0].h_samp_factor = kind.horizontal;
  info.comp_info[0].v_samp_factor = kind.vertical;
  info.restart_in_rows = kind.restart_rows;
  if (kind.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.row(static_cast<int>(info.next_scanline)));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  std::string result(reinterpret_cast<char*>(bytes), size);
  jpeg_destroy_compress(&info);
  free(bytes);
  return result;
}

}  // namespace vicinity::testing
