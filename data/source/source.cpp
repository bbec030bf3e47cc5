#include "data/source/source.h"

#include <array>
#include <cstdio>
#include <cstring>

namespace vicinity {
namespace {

// FNV-1a, 64 bits.
void mix(uint64_t& hash, const void* data, size_t bytes) {
  const auto* at = static_cast<const uint8_t*>(data);
  for (size_t i = 0; i < bytes; ++i) hash = (hash ^ at[i]) * 0x100000001B3ull;
}

}  // namespace

std::string Source::fingerprint() const {
  uint64_t hash = 0xCBF29CE484222325ull;
  for (const std::string& name : class_names_) mix(hash, name.c_str(), name.size() + 1);
  const int64_t count = size();
  mix(hash, &count, sizeof count);
  for (int64_t i = 0; i < count; ++i) {
    const int32_t at = label(i);
    mix(hash, &at, sizeof at);
    const std::string name = key(i);
    mix(hash, name.c_str(), name.size() + 1);
  }
  std::array<char, 20> text;
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

Subset::Subset(std::shared_ptr<Source> base, std::vector<int64_t> indices)
    : base_(std::move(base)), indices_(std::move(indices)) {
  class_names_ = base_->class_names();
}

Image image_of_raw(const uint8_t* pixels, int width, int height, int channels) {
  Image image(width, height);
  if (channels == 3) {
    std::memcpy(image.rgb.data(), pixels, image.rgb.size());
    return image;
  }
  for (size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = pixels[i / 3];
  return image;
}

}  // namespace vicinity
