#include "data/image/sheet.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "core/base/error.h"
#include "data/image/png_writer.h"
#include "data/image/resize.h"

namespace vicinity {
namespace {

constexpr int kColumns = 8, kGap = 6, kLine = 11, kCaption = 2 * kLine + 4;

using Color = std::array<uint8_t, 3>;
constexpr Color kRight{0, 120, 40}, kWrong{200, 20, 20}, kInk{30, 30, 30};

using Glyph = std::array<uint8_t, 7>;  // rows from the top, five bits each

const std::map<char, Glyph>& glyphs() {
  static const std::map<char, Glyph> font = {{'A', {0x0E, 0x11, 0x11, 0x1F, 0x11, 0x11, 0x11}},
                                             {'B', {0x1E, 0x11, 0x11, 0x1E, 0x11, 0x11, 0x1E}},
                                             {'C', {0x0E, 0x11, 0x10, 0x10, 0x10, 0x11, 0x0E}},
                                             {'D', {0x1E, 0x11, 0x11, 0x11, 0x11, 0x11, 0x1E}},
                                             {'E', {0x1F, 0x10, 0x10, 0x1E, 0x10, 0x10, 0x1F}},
                                             {'F', {0x1F, 0x10, 0x10, 0x1E, 0x10, 0x10, 0x10}},
                                             {'G', {0x0E, 0x11, 0x10, 0x17, 0x11, 0x11, 0x0F}},
                                             {'H', {0x11, 0x11, 0x11, 0x1F, 0x11, 0x11, 0x11}},
                                             {'I', {0x0E, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0E}},
                                             {'J', {0x07, 0x02, 0x02, 0x02, 0x02, 0x12, 0x0C}},
                                             {'K', {0x11, 0x12, 0x14, 0x18, 0x14, 0x12, 0x11}},
                                             {'L', {0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x1F}},
                                             {'M', {0x11, 0x1B, 0x15, 0x15, 0x11, 0x11, 0x11}},
                                             {'N', {0x11, 0x19, 0x15, 0x13, 0x11, 0x11, 0x11}},
                                             {'O', {0x0E, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0E}},
                                             {'P', {0x1E, 0x11, 0x11, 0x1E, 0x10, 0x10, 0x10}},
                                             {'Q', {0x0E, 0x11, 0x11, 0x11, 0x15, 0x12, 0x0D}},
                                             {'R', {0x1E, 0x11, 0x11, 0x1E, 0x14, 0x12, 0x11}},
                                             {'S', {0x0F, 0x10, 0x10, 0x0E, 0x01, 0x01, 0x1E}},
                                             {'T', {0x1F, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04}},
                                             {'U', {0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0E}},
                                             {'V', {0x11, 0x11, 0x11, 0x11, 0x11, 0x0A, 0x04}},
                                             {'W', {0x11, 0x11, 0x11, 0x15, 0x15, 0x1B, 0x11}},
                                             {'X', {0x11, 0x11, 0x0A, 0x04, 0x0A, 0x11, 0x11}},
                                             {'Y', {0x11, 0x11, 0x0A, 0x04, 0x04, 0x04, 0x04}},
                                             {'Z', {0x1F, 0x01, 0x02, 0x04, 0x08, 0x10, 0x1F}},
                                             {'0', {0x0E, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0E}},
                                             {'1', {0x04, 0x0C, 0x04, 0x04, 0x04, 0x04, 0x0E}},
                                             {'2', {0x0E, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1F}},
                                             {'3', {0x1E, 0x01, 0x01, 0x0E, 0x01, 0x01, 0x1E}},
                                             {'4', {0x02, 0x06, 0x0A, 0x12, 0x1F, 0x02, 0x02}},
                                             {'5', {0x1F, 0x10, 0x1E, 0x01, 0x01, 0x11, 0x0E}},
                                             {'6', {0x06, 0x08, 0x10, 0x1E, 0x11, 0x11, 0x0E}},
                                             {'7', {0x1F, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08}},
                                             {'8', {0x0E, 0x11, 0x11, 0x0E, 0x11, 0x11, 0x0E}},
                                             {'9', {0x0E, 0x11, 0x11, 0x0F, 0x01, 0x02, 0x0C}},
                                             {'-', {0x00, 0x00, 0x00, 0x0E, 0x00, 0x00, 0x00}},
                                             {'/', {0x01, 0x01, 0x02, 0x04, 0x08, 0x10, 0x10}},
                                             {'.', {0x00, 0x00, 0x00, 0x00, 0x00, 0x0C, 0x0C}},
                                             {'_', {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x1F}},
                                             {':', {0x00, 0x0C, 0x0C, 0x00, 0x0C, 0x0C, 0x00}},
                                             {'?', {0x0E, 0x11, 0x01, 0x06, 0x04, 0x00, 0x04}}};
  return font;
}

void draw_glyph(Image& sheet, int left, int top, const Glyph& glyph, const Color& color) {
  for (int y = 0; y < 7; ++y) {
    for (int x = 0; x < 5; ++x) {
      if ((glyph[static_cast<size_t>(y)] >> (4 - x) & 1) != 0)
        std::copy(color.begin(), color.end(), sheet.row(top + y) + 3 * (left + x));
    }
  }
}

// Capitals, six pixels a letter, cut to `width`; letters without a glyph become '?'.
void draw_text(Image& sheet, int left, int top, int width, const std::string& text,
               const Color& color) {
  const size_t fits = std::min(text.size(), static_cast<size_t>(width / 6));
  for (size_t i = 0; i < fits; ++i) {
    const char c = static_cast<char>(std::toupper(static_cast<unsigned char>(text[i])));
    if (c == ' ') continue;
    const auto glyph = glyphs().find(c);
    draw_glyph(sheet, left + 6 * static_cast<int>(i), top,
               glyph != glyphs().end() ? glyph->second : glyphs().at('?'), color);
  }
}

void draw_entry(Image& sheet, int left, int top, int side, const SheetEntry& entry) {
  const Image small = thumbnail(entry.image, side);
  const int x = left + (side - small.width) / 2, y = top + (side - small.height) / 2;
  for (int row = 0; row < small.height; ++row) {
    std::copy_n(small.row(row), static_cast<size_t>(small.width) * 3, sheet.row(y + row) + 3 * x);
  }
  const bool known = !entry.truth.empty(), right = entry.truth == entry.guess;
  draw_text(sheet, left, top + side + 3, side, entry.guess,
            !known  ? kInk
            : right ? kRight
                    : kWrong);
  if (known && !right) draw_text(sheet, left, top + side + 3 + kLine, side, entry.truth, kInk);
}

}  // namespace

int tile_side(size_t entries) { return entries == 1 ? 448 : 112; }

Image thumbnail(const Image& image, int side) {
  const int longer = std::max(image.width, image.height), factor = side / longer;
  const Box all{0, 0, image.width, image.height};
  if (factor < 1) {
    return resize(image, all, std::max(1, image.width * side / longer),
                  std::max(1, image.height * side / longer), Interpolation::bilinear);
  }
  Image out(image.width * factor, image.height * factor);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x)
      std::copy_n(image.row(y / factor) + 3 * (x / factor), 3, out.row(y) + 3 * x);
  }
  return out;
}

void write_sheet(const std::vector<SheetEntry>& entries, const std::string& path) {
  VIC_CHECK(UsageError, !entries.empty(), "no images to draw on '", path, "'");
  const int count = static_cast<int>(entries.size()), columns = std::min(kColumns, count);
  const int rows = (count + columns - 1) / columns, side = tile_side(entries.size());
  Image sheet(kGap + columns * (side + kGap), kGap + rows * (side + kCaption + kGap));
  std::fill(sheet.rgb.begin(), sheet.rgb.end(), uint8_t{255});
  for (int i = 0; i < count; ++i) {
    draw_entry(sheet, kGap + i % columns * (side + kGap),
               kGap + i / columns * (side + kCaption + kGap), side,
               entries[static_cast<size_t>(i)]);
  }
  write_png(sheet, path);
}

}  // namespace vicinity
