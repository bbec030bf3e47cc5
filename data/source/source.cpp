#include "data/source/source.h"

#include <array>
#include <cstdio>
#include <cstring>

#include "core/base/error.h"
#include "data/image/decode.h"
#include "data/image/orientation.h"

namespace vicinity {
namespace {

// FNV-1a, 64 bits.
void mix(uint64_t& hash, const void* data, size_t bytes) {
  const auto* at = static_cast<const uint8_t*>(data);
  for (size_t i = 0; i < bytes; ++i) hash = (hash ^ at[i]) * 0x100000001B3ull;
}

Image image_of_raw(const Source::Stored& s, const std::string& name) {
  const int64_t wanted = int64_t{s.width} * s.height * s.channels;
  VIC_CHECK(DataError, wanted == static_cast<int64_t>(s.bytes.size()), name, " has ",
            s.bytes.size(), " bytes for ", s.width, " x ", s.height, " x ", s.channels);
  Image image(s.width, s.height);
  const auto* pixels = reinterpret_cast<const uint8_t*>(s.bytes.data());
  if (s.channels == 3) {
    std::memcpy(image.rgb.data(), pixels, image.rgb.size());
    return image;
  }
  for (size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = pixels[i / 3];
  return image;
}

}  // namespace

void Source::load_part(int64_t index, const ChooseBox& choose, Part& part, int smallest) const {
  decode_stored(stored(index), index, choose, smallest, part);
}

void Source::decode_stored(const Stored& s, int64_t index, const ChooseBox& choose, int smallest,
                           Part& part) const {
  if (s.channels == 0) {
    const auto decode = upright_ ? decode_upright_part : decode_part;
    decode({reinterpret_cast<const uint8_t*>(s.bytes.data()), s.bytes.size()}, name(index), choose,
           part, smallest);
  } else {
    part = {image_of_raw(s, name(index)), choose(s.width, s.height)};
  }
}

Image Source::decode(const Stored& stored, int64_t index) const {
  Part part;
  decode_stored(stored, index, whole_box, 0, part);
  return std::move(part.pixels);
}

Image Source::load(int64_t index) const { return decode(stored(index), index); }

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

}  // namespace vicinity
