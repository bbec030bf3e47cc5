#pragma once

#include <string>

#include "data/image/image.h"

namespace vicinity {

/// Writes an RGB PNG. IoError if the file cannot be written.
void write_png(const Image& image, const std::string& path);
/// The same file in memory.
std::string encode_png(const Image& image);

}  // namespace vicinity
