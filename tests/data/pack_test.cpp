#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <numeric>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "data/pack/writer.h"
#include "data/source/open.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_images.h"

namespace vicinity::testing {
namespace {

class PackTest : public ::testing::Test {
 protected:
  void SetUp() override { log_to_stderr(false); }
  void TearDown() override { log_to_stderr(true); }
  TempDir folder_;
};

TEST_F(PackTest, APackHoldsTheSameImages) {
  write_class_folders(folder_.file("images"), 2, 12, 6);
  const DataSets before = open_data({.root = folder_.file("images")}, 0);
  write_pack(before, folder_.file("p.h5"), false);
  const DataSets after = open_data({.root = folder_.file("p.h5")}, 0);
  ASSERT_EQ(after.train->size(), before.train->size());
  EXPECT_EQ(after.train->fingerprint(), before.train->fingerprint());
  EXPECT_EQ(after.train->key(7), before.train->key(7));
  for (int64_t i = 0; i < after.train->size(); ++i)
    EXPECT_EQ(after.train->load(i).rgb, before.train->load(i).rgb);
  EXPECT_EQ(after.val->class_names(), before.val->class_names());
  EXPECT_THROW(write_pack(before, folder_.file("p.h5"), false), UsageError);
}

TEST_F(PackTest, ADamagedPackIsNoticed) {
  write_class_folders(folder_.file("images"), 2, 12, 6);
  write_pack(open_data({.root = folder_.file("images")}, 0), folder_.file("p.h5"), false);
  std::string bytes = read_file(folder_.file("p.h5"));
  const DataSets sound = open_data({.root = folder_.file("p.h5")}, 0);
  const std::string image = sound.train->stored(3).bytes;
  bytes[bytes.find(image) + image.size() / 2] ^= 1;
  write_file_atomically(folder_.file("bad.h5"), bytes);
  const DataSets damaged = open_data({.root = folder_.file("bad.h5")}, 0);
  EXPECT_THROW(damaged.train->load(3), DataError);
  write_file_atomically(folder_.file("cut.h5"), bytes.substr(0, bytes.size() / 2));
  EXPECT_THROW(open_data({.root = folder_.file("cut.h5")}, 0), DataError);
  write_file_atomically(folder_.file("not.h5"), "hello");
  EXPECT_THROW(open_data({.root = folder_.file("not.h5")}, 0), DataError);
}

// Raw pixels made as they are asked for. Whoever asks for image `deadly` or a later one waits until
// the file `note` is there and is then killed: all images before it have been read by then.
class DeadlySource : public Source {
 public:
  DeadlySource(int64_t size, int64_t deadly, std::string note = "")
      : size_(size), deadly_(deadly), note_(std::move(note)) {
    class_names_ = {"even", "odd"};
  }
  int64_t size() const override { return size_; }
  int32_t label(int64_t i) const override { return static_cast<int32_t>(i % 2); }
  std::string name(int64_t i) const override { return key(i); }
  std::string key(int64_t i) const override { return str("#", i); }
  Stored stored(int64_t i) const override {
    ++reads;
    if (i >= deadly_) {
      while (!std::filesystem::exists(note_)) usleep(1000);
      kill(getpid(), SIGKILL);
    }
    return {std::string(3, static_cast<char>(i % 251)), 1, 1, 3};
  }
  Layout layout(int64_t) const override { return {3, 1, 1, 3}; }
  bool looks_whole(int64_t) const override { return true; }

 private:
  int64_t size_, deadly_;
  std::string note_;

 public:
  mutable std::atomic<int64_t> reads = 0;
};

TEST_F(PackTest, AKilledPackIsFinishedByTheNextCall) {
  constexpr int64_t kImages = 40000, kDeadly = 30000, kNever = kImages;
  const auto val = std::make_shared<DeadlySource>(4, kNever);
  const pid_t child = fork();
  if (child == 0) {
    const std::string note = folder_.file("p.h5.part.progress");
    write_pack({std::make_shared<DeadlySource>(kImages, kDeadly, note), val}, folder_.file("p.h5"),
               false);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(std::filesystem::exists(folder_.file("p.h5")))
      << "a half-written pack under its final name";
  EXPECT_TRUE(std::filesystem::exists(folder_.file("p.h5.part")));
  const auto train = std::make_shared<DeadlySource>(kImages, kNever);
  write_pack({train, val}, folder_.file("p.h5"), false);
  EXPECT_LE(train->reads, kImages - 4096) << "what was safe is read again";
  const DataSets after = open_data({.root = folder_.file("p.h5")}, 0);
  ASSERT_EQ(after.train->size(), kImages);
  for (int64_t i = 0; i < kImages; ++i)
    ASSERT_EQ(after.train->stored(i).bytes, train->stored(i).bytes) << i;
  EXPECT_EQ(after.train->fingerprint(), train->fingerprint());
  EXPECT_EQ(after.train->key(12345), "#12345");
}

// Forbids files beyond `bytes`: writing there ends as on a full disk.
void limit_files(rlim_t bytes) {
  const rlimit limit{bytes, RLIM_INFINITY};
  setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, SIG_IGN);
}

// A source under whose hands the disk is full when it is asked for an image, or for a size.
class FillingSource : public Subset {
 public:
  FillingSource(std::shared_ptr<Source> base, std::vector<int64_t> all, int64_t calls, rlim_t limit)
      : Subset(std::move(base), std::move(all)), left_(calls), limit_(limit) {}
  Stored stored(int64_t i) const override {
    count();
    return Subset::stored(i);
  }
  Layout layout(int64_t i) const override {
    count();
    return Subset::layout(i);
  }

 private:
  void count() const {
    if (left_-- == 0) limit_files(limit_);
  }
  mutable std::atomic<int64_t> left_;
  rlim_t limit_;
};

TEST_F(PackTest, AFullDiskIsAnIoErrorAndLeavesNothingUnderTheFinalName) {
  write_class_folders(folder_.file("images"), 2, 12, 40);
  const DataSets data = open_data({.root = folder_.file("images")}, 0);
  write_pack(data, folder_.file("good.h5"), false);
  const auto whole = static_cast<int64_t>(std::filesystem::file_size(folder_.file("good.h5")));
  std::vector<int64_t> all(static_cast<size_t>(data.train->size()));
  std::iota(all.begin(), all.end(), 0);
  // Full when the tables are written, and in the midst of an image.
  for (const int64_t calls : {int64_t{0}, data.train->size() + 3}) {
    const pid_t child = fork();
    if (child == 0) {
      const auto filling = std::make_shared<FillingSource>(data.train, all, calls, whole / 2 + 13);
      try {
        write_pack({filling, data.val}, folder_.file("p.h5"), false);
      } catch (const IoError& error) {
        _exit(error.message().find("p.h5.part'") != std::string::npos &&
                      error.message().find("free some space") != std::string::npos
                  ? 0
                  : 1);
      } catch (const std::exception&) {
        _exit(2);
      }
      _exit(3);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0) << "full after " << calls << " calls";
    EXPECT_FALSE(std::filesystem::exists(folder_.file("p.h5")));
  }
  write_pack(data, folder_.file("p.h5"), false);
  EXPECT_EQ(read_file(folder_.file("p.h5")).size(), static_cast<size_t>(whole));
  EXPECT_EQ(open_data({.root = folder_.file("p.h5")}, 0).train->fingerprint(),
            data.train->fingerprint());
}

}  // namespace
}  // namespace vicinity::testing
