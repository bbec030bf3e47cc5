#include "data/source/idx.h"

#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <memory>

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

// An IDX file of bytes: magic number 0, 0, 8, number of axes; their sizes, highest byte first; the
// bytes. gzread reads plain files as they are; of a packed one no more is unpacked than the header
// claims.
class IdxFile {
 public:
  IdxFile(const std::string& path, uint32_t axes) : path_(path), file_(gzopen(path.c_str(), "rb")) {
    VIC_CHECK(DataError, file_ != nullptr, "cannot open '", path, "'");
    gzbuffer(file_.get(), 1 << 18);
    const std::string header = take(4 + 4 * uint64_t{axes});
    VIC_CHECK(DataError, header.size() == 4 + 4 * axes && big_endian(header, 0) == 0x800 + axes,
              "'", path, "' is not an IDX file of bytes with ", axes,
              " axes (its magic number should be ", 0x800 + axes, ")");
    for (uint32_t i = 0; i < axes; ++i) dims_.push_back(big_endian(header, 4 + 4 * i));
  }

  const std::vector<uint32_t>& dims() const { return dims_; }

  std::string bytes() {
    uint64_t product = 1;
    for (const uint32_t dim : dims_) {
      product *= dim;
      VIC_CHECK(DataError, product <= uint64_t{1} << 40, "'", path_,
                "' claims more than 2^40 bytes");
    }
    std::string result = take(product);
    VIC_CHECK(DataError, result.size() == product && take(1).empty(), "'", path_, "' should hold ",
              product, " bytes behind its header, it holds ",
              result.size() < product ? str(result.size()) : "more");
    return result;
  }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };

  static uint32_t big_endian(const std::string& text, size_t at) {
    uint32_t value = 0;
    for (size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<uint8_t>(text[i]);
    return value;
  }

  // At most so many bytes, in blocks: memory follows what the file holds, not what it claims.
  std::string take(uint64_t most) {
    std::string text;
    while (text.size() < most) {
      const size_t before = text.size();
      text.resize(before + std::min<uint64_t>(most - before, 1 << 20));
      const int got =
          gzread(file_.get(), text.data() + before, static_cast<unsigned>(text.size() - before));
      text.resize(before + static_cast<size_t>(std::max(got, 0)));
      if (got <= 0) break;
    }
    int code = 0;
    const std::string message = gzerror(file_.get(), &code);
    VIC_CHECK(DataError, code == Z_OK || code == Z_STREAM_END, "'", path_,
              "' is damaged or truncated: ", message);
    return text;
  }

  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
  std::vector<uint32_t> dims_;
};

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
  IdxFile image_file(images, 3);
  const std::vector<uint32_t>& dims = image_file.dims();
  pixels_ = image_file.bytes();
  height_ = static_cast<int>(dims[1]);
  width_ = static_cast<int>(dims[2]);
  VIC_CHECK(DataError, width_ > 0 && height_ > 0 && dims[0] > 0, "'", images, "' holds no pixels");
  IdxFile label_file(labels, 1);
  const std::string label_text = label_file.bytes();
  VIC_CHECK(DataError, label_text.size() == dims[0], "'", images, "' has ", dims[0], " images, '",
            labels, "' ", label_text.size(), " labels");
  labels_.assign(label_text.begin(), label_text.end());
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
