#include "data/source/idx.h"

#include <zlib.h>

#include <algorithm>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kFashionNames = {"T-shirt/top", "Trouser",   "Pullover", "Dress",
                                                "Coat",        "Sandal",    "Shirt",    "Sneaker",
                                                "Bag",         "Ankle boot"};

std::string find_file(const std::string& folder, const std::string& stem) {
  for (const char* end : {"", ".gz"}) {
    if (fs::exists(folder + "/" + stem + end)) return folder + "/" + stem + end;
  }
  VIC_FAIL(DataError, "'", folder, "' has no ", stem, " (nor ", stem, ".gz)");
}

// gzread reads plain files as they are.
std::string read_all(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  VIC_CHECK(DataError, file != nullptr, "cannot open '", path, "'");
  gzbuffer(file, 1 << 18);
  std::string text;
  std::string block(1 << 20, '\0');
  int got = 0;
  while ((got = gzread(file, block.data(), static_cast<unsigned>(block.size()))) > 0)
    text.append(block, 0, static_cast<size_t>(got));
  int code = 0;
  const std::string message = gzerror(file, &code);
  gzclose(file);
  VIC_CHECK(DataError, got == 0 && (code == Z_OK || code == Z_STREAM_END), "'", path,
            "' is damaged or truncated: ", message);
  return text;
}

uint32_t big_endian(const std::string& text, size_t at) {
  uint32_t value = 0;
  for (size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<uint8_t>(text[i]);
  return value;
}

// Sizes of the axes. The magic number is 0, 0, 8 (unsigned bytes), number of axes.
std::vector<uint32_t> read_header(const std::string& text, uint32_t axes, const std::string& path) {
  VIC_CHECK(DataError, text.size() >= 4 + 4 * axes && big_endian(text, 0) == 0x800 + axes, "'",
            path, "' is not an IDX file of bytes with ", axes, " axes (its magic number should be ",
            0x800 + axes, ")");
  std::vector<uint32_t> dims;
  uint64_t product = 1;
  for (uint32_t i = 0; i < axes; ++i) {
    dims.push_back(big_endian(text, 4 + 4 * i));
    product *= dims.back();
    VIC_CHECK(DataError, product <= uint64_t{1} << 40, "'", path, "' claims more than 2^40 bytes");
  }
  VIC_CHECK(DataError, text.size() - 4 - 4 * axes == product, "'", path, "' should hold ", product,
            " bytes behind its header, it holds ", text.size() - 4 - 4 * axes);
  return dims;
}

std::vector<std::string> names_for(const std::string& folder, int count) {
  if (fs::exists(folder + "/classes.txt")) {
    std::vector<std::string> names = split(read_file(folder + "/classes.txt"), '\n');
    while (!names.empty() && names.back().empty()) names.pop_back();
    VIC_CHECK(DataError, static_cast<int>(names.size()) >= count, "'", folder,
              "/classes.txt' names ", names.size(), " classes, the labels use ", count);
    return names;
  }
  if (lower(fs::absolute(folder).string()).find("fashion") != std::string::npos && count == 10)
    return kFashionNames;
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

}  // namespace

bool has_idx_files(const std::string& folder) {
  return fs::exists(folder + "/train-images-idx3-ubyte") ||
         fs::exists(folder + "/train-images-idx3-ubyte.gz");
}

IdxSource::IdxSource(const std::string& folder, const std::string& prefix,
                     const std::vector<std::string>& classes)
    : prefix_(prefix) {
  const std::string images = find_file(folder, prefix + "-images-idx3-ubyte");
  const std::string labels = find_file(folder, prefix + "-labels-idx1-ubyte");
  pixels_ = read_all(images);
  const std::vector<uint32_t> dims = read_header(pixels_, 3, images);
  pixels_.erase(0, 16);
  height_ = static_cast<int>(dims[1]);
  width_ = static_cast<int>(dims[2]);
  VIC_CHECK(DataError, width_ > 0 && height_ > 0 && dims[0] > 0, "'", images, "' holds no pixels");
  const std::string label_text = read_all(labels);
  const std::vector<uint32_t> label_dims = read_header(label_text, 1, labels);
  VIC_CHECK(DataError, label_dims[0] == dims[0], "'", images, "' has ", dims[0], " images, '",
            labels, "' ", label_dims[0], " labels");
  labels_.assign(label_text.begin() + 8, label_text.end());
  const int highest = *std::max_element(labels_.begin(), labels_.end());
  class_names_ = classes.empty() ? names_for(folder, 1 + highest) : classes;
  VIC_CHECK(DataError, highest < static_cast<int>(class_names_.size()), "'", labels, "' has label ",
            highest, ", the training labels name ", class_names_.size(), " classes (",
            join(class_names_, ", "), "); images of a class that training lacks cannot be judged");
}

Source::Stored IdxSource::stored(int64_t index) const {
  const auto bytes = static_cast<size_t>(width_) * static_cast<size_t>(height_);
  return {pixels_.substr(static_cast<size_t>(index) * bytes, bytes), width_, height_, 1};
}

}  // namespace vicinity
