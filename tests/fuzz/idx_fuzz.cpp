// Two bytes with the length of the file of labels, that file, the file of images.
#include <filesystem>

#include "data/source/idx.h"
#include "tests/fuzz/input.h"

namespace vicinity::fuzz {
namespace {

// A folder whose files are links to files in memory.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "idx-fuzz-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
    std::filesystem::create_symlink(images.path(), path_ + "/train-images-idx3-ubyte");
    std::filesystem::create_symlink(labels.path(), path_ + "/train-labels-idx1-ubyte");
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  MemoryFile images, labels;

 private:
  std::string path_;
};

}  // namespace
}  // namespace vicinity::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vicinity;
  static const fuzz::Folder folder;
  if (size < 2) return 0;
  const std::span<const uint8_t> rest(data + 2, size - 2);
  const size_t labels = std::min<size_t>(data[0] | data[1] << 8, rest.size());
  folder.labels.set(rest.first(labels));
  folder.images.set(rest.subspan(labels));
  fuzz::answer([&] {
    const IdxSource source(folder.path(), "train");
    for (int64_t i = 0; i < source.size(); ++i) source.stored(i);
  });
  return 0;
}
