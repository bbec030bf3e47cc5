// A pack as large as ImageNet: 1,281,167 images, which share the bytes of a thousand pictures.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>

#include "core/base/error.h"
#include "core/base/log.h"
#include "data/loader.h"
#include "data/pack/writer.h"
#include "data/source/open.h"
#include "tests/support/encoded_images.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_images.h"

namespace vicinity::testing {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr int64_t kImages = 20000;  // its memory and its time are not the program's
constexpr bool kMeasured = false;
#else
constexpr int64_t kImages = 1281167;
constexpr bool kMeasured = true;
#endif
constexpr int64_t kPictures = 1000, kClasses = 1000, kBatch = 256;

class SharedSource : public Source {
 public:
  SharedSource() {
    for (int64_t i = 0; i < kPictures; ++i)
      pictures_.push_back(encode_jpeg(striped_image(static_cast<int>(i % 7), i, 16)));
    for (int64_t c = 0; c < kClasses; ++c) class_names_.push_back(str("n", 10000000 + c));
  }
  int64_t size() const override { return kImages; }
  int32_t label(int64_t i) const override { return static_cast<int32_t>(i * kClasses / kImages); }
  std::string name(int64_t i) const override { return key(i); }
  std::string key(int64_t i) const override {
    const std::string& id = class_names_[static_cast<size_t>(label(i))];
    return str(id, "/", id, "_", i, ".JPEG");
  }
  Stored stored(int64_t i) const override { return {picture(i), 0, 0, 0}; }
  Layout layout(int64_t i) const override { return {picture(i).size(), 0, 0, 0}; }
  int64_t storage(int64_t i) const override { return i % kPictures; }
  bool looks_whole(int64_t) const override { return true; }
  const std::string& picture(int64_t i) const {
    return pictures_[static_cast<size_t>(i % kPictures)];
  }

 private:
  std::vector<std::string> pictures_;
};

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double resident_mb() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0, resident = 0;
  file >> all >> resident;
  return static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / 1e6;
}

// In a process of its own, so that its memory is its own. Returns what is wrong, or "".
std::string use_pack(const std::string& path, int64_t batches) {
  const double memory_before = resident_mb(), cpu_before = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  const DataSets data = open_data({.root = path}, 0);
  TransformConfig transform;
  transform.image_size = 16;
  Loader loader(*data.train, transform, LoaderMode::train, kBatch, {.threads = 2});
  std::vector<int> seen(static_cast<size_t>(kImages));
  int64_t read = 0;
  const auto take = [&] {
    const Batch batch = loader.next();
    for (const int64_t i : batch.indices) ++seen[static_cast<size_t>(i)];
    read += batch.count;
  };
  take();
  const double cpu = cpu_seconds() - cpu_before;
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (int64_t b = 1; b < 20; ++b) take();
  const double memory_opened = resident_mb();
  for (int64_t b = 20; b < batches; ++b) take();
  const double memory_after = resident_mb();
  std::cout << "open to first batch " << wall << " s (" << cpu << " s of a core), "
            << memory_opened - memory_before << " MB; after " << read << " images "
            << memory_after - memory_opened << " MB more\n";
  const int64_t once = std::count(seen.begin(), seen.end(), 1);
  if (once != read) return str(read, " images read, ", once, " of them once");
  if (kMeasured && cpu > 0.5) return str("open to first batch: ", cpu, " s of a core");
  if (kMeasured && memory_opened - memory_before > 100)
    return str("opening took ", memory_opened - memory_before, " MB");
  if (kMeasured && memory_after - memory_opened > 8)
    return str("memory grew by ", memory_after - memory_opened, " MB");
  return "";
}

TEST(LargePack, OpensAtOnceAndTakesNoMoreMemoryAsItIsRead) {
  log_to_stderr(false);
  const TempDir folder;
  const std::string path = folder.file("p.h5");
  const auto source = std::make_shared<SharedSource>();
  const auto val = std::make_shared<Subset>(source, std::vector<int64_t>{0, 1, 2});
  write_pack({source, val}, path, false);
  EXPECT_LT(std::filesystem::file_size(path), 100'000'000u);
  const int64_t epoch = (kImages + kBatch - 1) / kBatch;
  const int64_t batches =
      std::getenv("VICINITY_FULL") != nullptr ? epoch : std::min(epoch, int64_t{200});
  const pid_t child = fork();
  if (child == 0) {
    const std::string wrong = use_pack(path, batches);
    std::cout << wrong << std::endl;
    _exit(wrong.empty() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  const DataSets data = open_data({.root = path}, 0);
  EXPECT_EQ(data.train->fingerprint(), source->fingerprint());
  for (const int64_t i : {int64_t{0}, int64_t{1}, kImages / 2, kImages - 1}) {
    EXPECT_EQ(data.train->key(i), source->key(i));
    EXPECT_EQ(data.train->stored(i).bytes, source->picture(i));
    EXPECT_EQ(data.train->label(i), source->label(i));
  }
  write_pack(data, folder.file("again.h5"), false);
  EXPECT_EQ(std::filesystem::file_size(folder.file("again.h5")), std::filesystem::file_size(path))
      << "a pack of a pack shares what the first one shared";
  log_to_stderr(true);
}

}  // namespace
}  // namespace vicinity::testing
