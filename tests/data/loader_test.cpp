#include "data/loader.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <zlib.h>

#include <set>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "data/sampler.h"
#include "data/source/folder.h"
#include "data/source/idx.h"
#include "data/source/open.h"
#include "tests/support/encoded_images.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_images.h"

namespace vicinity::testing {
namespace {

TEST(Sampler, IsAPermutationOfEveryEpoch) {
  for (const int64_t size : {1, 2, 3, 7, 64, 65, 1000, 4097}) {
    std::set<int64_t> seen;
    for (int64_t i = 0; i < size; ++i) seen.insert(shuffled_index(5, 2, i, size));
    EXPECT_EQ(static_cast<int64_t>(seen.size()), size);
    EXPECT_EQ(*seen.begin(), 0);
    EXPECT_EQ(*seen.rbegin(), size - 1);
  }
  int moved = 0;
  for (int64_t i = 0; i < 1000; ++i)
    moved += shuffled_index(5, 2, i, 1000) != shuffled_index(5, 3, i, 1000);
  EXPECT_GT(moved, 950) << "epochs share an order";
}

TEST(Sampler, RepeatsStandInARowWithAugmentationsOfTheirOwn) {
  std::set<std::pair<int64_t, uint32_t>> seen;
  for (int64_t epoch = 0; epoch < 4; ++epoch) {
    std::set<int64_t> pictures;
    for (int64_t i = 0; i < 100; ++i) {
      const Draw draw = draw_sample(5, epoch, i, 100, 3);
      EXPECT_EQ(draw.index, shuffled_index(5, epoch, i / 3, 100));
      EXPECT_TRUE(seen.insert({draw.index, draw.augmentation}).second) << epoch << " " << i;
      pictures.insert(draw.index);
    }
    EXPECT_EQ(pictures.size(), 34u);
  }
  const Draw once = draw_sample(5, 7, 31, 100, 1);
  EXPECT_EQ(once.index, shuffled_index(5, 7, 31, 100));
  EXPECT_EQ(once.augmentation, 7u);
}

class LoaderTest : public ::testing::Test {
 protected:
  void SetUp() override { write_class_folders(folder_.path(), 3, 9, 12); }

  std::vector<Batch> batches(int threads, int64_t epoch, int64_t position, int count) const {
    const FolderSource source(folder_.path());
    TransformConfig transform;
    transform.image_size = 10;
    Loader loader(source, transform, LoaderMode::train, 8,
                  {.threads = threads, .seed = 4, .prefetch = threads + 1});
    loader.seek(epoch, position);
    std::vector<Batch> all;
    for (int i = 0; i < count; ++i) all.push_back(loader.next());
    return all;
  }
  TempDir folder_;
};

TEST_F(LoaderTest, ThreadsChangeNothing) {
  const auto one = batches(1, 0, 0, 9), five = batches(5, 0, 0, 9);
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].images, five[i].images);
    EXPECT_EQ(one[i].labels, five[i].labels);
    EXPECT_EQ(one[i].indices, five[i].indices);
  }
}

TEST_F(LoaderTest, AnEpochVisitsEachSampleOnceAndItsLastBatchIsShort) {
  std::multiset<int64_t> seen;
  const auto all = batches(2, 0, 0, 4);
  EXPECT_EQ(all.back().count, 3);
  for (const Batch& batch : all) seen.insert(batch.indices.begin(), batch.indices.end());
  EXPECT_EQ(seen.size(), 27u);
  EXPECT_EQ(std::set<int64_t>(seen.begin(), seen.end()).size(), 27u);
}

TEST_F(LoaderTest, RepeatsKeepTheLengthOfAnEpochAndAugmentEachCopyAnew) {
  const FolderSource source(folder_.path());
  TransformConfig transform;
  transform.image_size = 10;
  transform.augment.repeats = 3;
  Loader loader(source, transform, LoaderMode::train, 27, {.threads = 2, .seed = 4});
  EXPECT_EQ(loader.samples_per_epoch(), 27);
  const Batch batch = loader.next();
  std::set<std::string> seen;
  for (size_t i = 0; i < 27; ++i) {
    EXPECT_EQ(batch.indices[i], batch.indices[i - i % 3]);
    seen.emplace(batch.images.begin() + static_cast<ptrdiff_t>(i * 300),
                 batch.images.begin() + static_cast<ptrdiff_t>(i * 300 + 300));
  }
  EXPECT_EQ(std::set<int64_t>(batch.indices.begin(), batch.indices.end()).size(), 9u);
  EXPECT_GE(seen.size(), 26u);
}

TEST_F(LoaderTest, SeekContinuesWhereAnotherStopped) {
  const auto whole = batches(2, 0, 0, 8), rest = batches(3, 1, 8, 3);
  for (size_t i = 0; i < rest.size(); ++i) {
    EXPECT_EQ(rest[i].images, whole[5 + i].images);
    EXPECT_EQ(rest[i].epoch, whole[5 + i].epoch);
  }
}

TEST_F(LoaderTest, ThreadsAreByDefaultTheCoresThatTheProcessMayUse) {
  const FolderSource source(folder_.path());
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  for (int core = 0; CPU_COUNT(&one) == 0; ++core) {
    if (CPU_ISSET(core, &before)) CPU_SET(core, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  const Loader loader(source, {.image_size = 8}, LoaderMode::eval, 4, {});
  sched_setaffinity(0, sizeof before, &before);
  EXPECT_EQ(loader.threads(), 1);
}

TEST_F(LoaderTest, PartsThatAreDecodedGiveTheBitsOfWholePictures) {
  for (int i = 0; i < 8; ++i) {
    write_file_atomically(folder_.file(str("class_0/", i, ".jpg")),
                          encode_jpeg(formula_image(90 + i, 70)));
  }
  const FolderSource source(folder_.path());
  for (const char* crop : {"random_resized", "padded"}) {
    TransformConfig transform;
    transform.image_size = 24;
    transform.train_crop = crop;
    Loader loader(source, transform, LoaderMode::train, source.size(), {.threads = 2, .seed = 9});
    const Batch batch = loader.next();
    for (int64_t i = 0; i < batch.count; ++i) {
      const int64_t index = batch.indices[static_cast<size_t>(i)];
      const Random random(9, Purpose::augmentation, static_cast<uint64_t>(index), 0);
      const Image whole = apply_train(source.load(index), transform, random);
      EXPECT_TRUE(
          std::equal(whole.rgb.begin(), whole.rgb.end(), batch.images.begin() + i * 24 * 24 * 3))
          << crop << " " << source.name(index);
    }
  }
}

TEST_F(LoaderTest, ABrokenFileIsNamed) {
  const FolderSource source(folder_.path());
  write_file_atomically(folder_.file("class_1/3.png"), "not an image");
  Loader loader(source, {.image_size = 8}, LoaderMode::eval, 27, {.threads = 2});
  try {
    loader.next();
    FAIL();
  } catch (const DataError& error) {
    EXPECT_NE(error.message().find("class_1/3.png"), std::string::npos);
  }
}

class OpenTest : public ::testing::Test {
 protected:
  void SetUp() override { log_to_stderr(false); }
  void TearDown() override { log_to_stderr(true); }
  static std::string error_of(const DataConfig& config) {
    try {
      open_data(config, 0);
    } catch (const DataError& error) {
      return error.message();
    }
    return "no error";
  }
  TempDir folder_;
};

TEST_F(OpenTest, SplitsAPlainFolderStratifiedAndSeeded) {
  write_class_folders(folder_.path(), 2, 20, 6);
  const DataSets a = open_data({.root = folder_.path()}, 1),
                 b = open_data({.root = folder_.path()}, 1);
  EXPECT_EQ(a.val->size(), 6);
  EXPECT_EQ(a.train->size(), 34);
  EXPECT_EQ(a.val->label(0) + a.val->label(5), 1) << "three of each class";
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(a.val->name(i), b.val->name(i));
  const DataSets c = open_data({.root = folder_.path()}, 2);
  int same = 0;
  for (int64_t i = 0; i < 6; ++i) same += a.val->name(i) == c.val->name(i);
  EXPECT_LT(same, 6);
}

TEST_F(OpenTest, FoldersOfTrainingAndValidationMayHaveCapitals) {
  for (const auto& [train, val] : std::vector<std::pair<const char*, const char*>>{
           {"Train", "Val"}, {"Training", "Testing"}, {"TRAIN", "test"}}) {
    const TempDir folder;
    write_class_folders(folder.file(train), 2, 4, 6);
    write_class_folders(folder.file(val), 2, 3, 6);
    const DataSets sets = open_data({.root = folder.path()}, 0);
    EXPECT_EQ(sets.train->size(), 8) << train;
    EXPECT_EQ(sets.val->size(), 6) << val;
    EXPECT_EQ(sets.train->class_names(), (std::vector<std::string>{"class_0", "class_1"}));
  }
}

TEST_F(OpenTest, AClassInOtherCapitalsIsNamed) {
  write_class_folders(folder_.file("train"), 2, 2, 6);
  write_class_folders(folder_.file("val"), 2, 2, 6);
  std::filesystem::rename(folder_.file("val/class_1"), folder_.file("val/Class_1"));
  EXPECT_NE(error_of({.root = folder_.path()}).find("('class_1' has other capitals); rename"),
            std::string::npos);
}

TEST_F(OpenTest, ASplitThatKeepsNothingSaysWhichDoes) {
  write_class_folders(folder_.path(), 5, 2, 6);
  EXPECT_EQ(
      error_of({.root = folder_.path()}),
      "data.val_split=0.15 keeps no image for validation: the share of each class is "
      "rounded, and no class has more than 2 images; data.val_split=0.25 keeps one of the largest");
  EXPECT_EQ(open_data({.root = folder_.path(), .val_split = 0.25}, 0).val->size(), 5);
  EXPECT_EQ(error_of({.root = folder_.path(), .val_split = 0.9}),
            "data.val_split=0.9 leaves no image for training; set a smaller share, or add images");
}

TEST_F(OpenTest, BadDataIsNamed) {
  EXPECT_NE(error_of({.root = folder_.file("absent")}).find("no such file"), std::string::npos);
  EXPECT_NE(error_of({.root = folder_.path()}).find("no images"), std::string::npos);
  write_class_folders(folder_.path(), 1, 4, 6);
  EXPECT_NE(error_of({.root = folder_.path()}).find("only one class"), std::string::npos);
  write_class_folders(folder_.path(), 2, 4, 6);
  write_file_atomically(folder_.file("class_0/empty.jpg"), "");
  write_file_atomically(folder_.file("class_1/text.png"), "hello");
  const std::string message = error_of({.root = folder_.path()});
  EXPECT_NE(message.find("2 of 10 files"), std::string::npos) << message;
  EXPECT_NE(message.find("empty.jpg"), std::string::npos);
  EXPECT_NE(message.find("text.png"), std::string::npos);
  const DataSets skipped = open_data({.root = folder_.path(), .on_error = "skip"}, 0);
  EXPECT_EQ(skipped.train->size() + skipped.val->size(), 8);
}

TEST_F(OpenTest, TheFingerprintKnowsFilesByTheirNamesBelowTheRoot) {
  const auto print = [](const std::string& root) { return FolderSource(root).fingerprint(); };
  write_class_folders(folder_.file("a"), 2, 4, 6);
  const std::string before = print(folder_.file("a"));
  std::filesystem::copy(folder_.file("a"), folder_.file("b"),
                        std::filesystem::copy_options::recursive);
  EXPECT_EQ(print(folder_.file("b")), before) << "a move is no change";
  EXPECT_EQ(print(folder_.file("a/")), before);
  std::filesystem::rename(folder_.file("b/class_1/3.png"), folder_.file("b/class_1/4.png"));
  EXPECT_NE(print(folder_.file("b")), before);
  EXPECT_EQ(FolderSource(folder_.file("b")).name(7), folder_.file("b/class_1/4.png"));
}

TEST_F(OpenTest, OtherFilesAreIgnoredAndTheLogSaysSoOnce) {
  write_class_folders(folder_.file("images"), 2, 4, 6);
  for (const char* name : {"class_0/a.txt", "class_1/b.TXT", "class_1/c.gif", "class_1/README"})
    write_file_atomically(folder_.file(std::string("images/") + name), "x");
  log_to_file(folder_.file("log"));
  EXPECT_EQ(FolderSource(folder_.file("images")).size(), 8);
  log_to_file("");
  const std::string log = read_file(folder_.file("log"));
  EXPECT_NE(log.find("ignored 4 files of the classes in '" + folder_.file("images") +
                     "': no ending, .gif, .txt"),
            std::string::npos)
      << log;
}

TEST_F(OpenTest, WhatTheSystemRefusesIsADataErrorThatNamesThePath) {
  namespace fs = std::filesystem;
  EXPECT_NE(error_of({.root = std::string(300, 'x')}).find("'xxx"), std::string::npos);
  write_class_folders(folder_.path(), 2, 4, 6);
  write_file_atomically(folder_.file("file"), "x");
  EXPECT_NE(error_of({.root = folder_.file("file"), .source = "folder"}).find("/file': Not a"),
            std::string::npos);
  fs::create_symlink("self.png", folder_.file("class_0/self.png"));
  EXPECT_NE(error_of({.root = folder_.path()}).find("class_0/self.png"), std::string::npos);
  fs::remove(folder_.file("class_0/self.png"));
  fs::create_symlink("absent", folder_.file("class_0/dead.png"));
  EXPECT_NE(error_of({.root = folder_.path()}).find("dead.png': No such"), std::string::npos);
  fs::remove(folder_.file("class_0/dead.png"));
  fs::create_directory_symlink("..", folder_.file("class_0/up"));
  EXPECT_NE(error_of({.root = folder_.path()}).find("class_0/up' is a link"), std::string::npos);
}

TEST_F(OpenTest, AValidationClassThatTrainingLacksIsNamed) {
  write_class_folders(folder_.file("train"), 2, 3, 6);
  write_class_folders(folder_.file("val"), 3, 3, 6);
  const std::string message = error_of({.root = folder_.path()});
  EXPECT_NE(message.find("class_2"), std::string::npos) << message;
}

std::string idx_bytes(std::initializer_list<uint32_t> dims, const std::string& data) {
  std::string text = {0, 0, 8, static_cast<char>(dims.size())};
  for (const uint32_t dim : dims) {
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(dim >> shift);
  }
  return text + data;
}

TEST_F(OpenTest, ReadsIdxFilesAndRefusesDamagedOnes) {
  for (const char* prefix : {"train", "t10k"}) {
    write_file_atomically(folder_.file(std::string(prefix) + "-images-idx3-ubyte"),
                          idx_bytes({2, 1, 3}, "abcdef"));
    write_file_atomically(folder_.file(std::string(prefix) + "-labels-idx1-ubyte"),
                          idx_bytes({2}, std::string("\0\1", 2)));
  }
  const DataSets data = open_data({.root = folder_.path()}, 0);
  EXPECT_EQ(data.train->size(), 2);
  EXPECT_EQ(data.train->label(1), 1);
  EXPECT_EQ(data.train->load(1).rgb,
            (std::vector<uint8_t>{'d', 'd', 'd', 'e', 'e', 'e', 'f', 'f', 'f'}));
  write_file_atomically(folder_.file("train-labels-idx1-ubyte"),
                        idx_bytes({3}, std::string("\0\1\1", 3)));
  EXPECT_NE(error_of({.root = folder_.path()}).find("2 images"), std::string::npos);
  write_file_atomically(folder_.file("train-images-idx3-ubyte"), idx_bytes({2, 1, 3}, "abc"));
  EXPECT_NE(error_of({.root = folder_.path()}).find("should hold 6 bytes"), std::string::npos);
  write_file_atomically(folder_.file("train-images-idx3-ubyte"), "junk");
  EXPECT_NE(error_of({.root = folder_.path()}).find("magic"), std::string::npos);
}

// Megabytes of zeros, packed to a few bytes, behind a header that speaks of six bytes.
TEST_F(OpenTest, OfAPackedIdxFileNoMoreIsUnpackedThanItClaims) {
  const std::string path = folder_.file("train-images-idx3-ubyte");
  gzFile file = gzopen(path.c_str(), "wb1");
  const std::string header = idx_bytes({2, 1, 3}, ""), zeros(1 << 20, '\0');
  gzwrite(file, header.data(), static_cast<unsigned>(header.size()));
  for (int i = 0; i < 64; ++i) gzwrite(file, zeros.data(), static_cast<unsigned>(zeros.size()));
  gzclose(file);
  write_file_atomically(folder_.file("train-labels-idx1-ubyte"), idx_bytes({2}, "ab"));
  const std::string message = error_of({.root = folder_.path()});
  EXPECT_NE(message.find("should hold 6 bytes behind its header, it holds more"), std::string::npos)
      << message;
}

TEST_F(OpenTest, TestImagesOfIdxFilesAreOfTheTrainingClasses) {
  const auto write_pair = [&](const std::string& prefix, const std::string& labels) {
    const auto count = static_cast<uint32_t>(labels.size());
    write_file_atomically(folder_.file(prefix + "-images-idx3-ubyte"),
                          idx_bytes({count, 1, 1}, labels));
    write_file_atomically(folder_.file(prefix + "-labels-idx1-ubyte"), idx_bytes({count}, labels));
  };
  write_pair("train", std::string("\0\1\2", 3));
  write_pair("t10k", std::string("\0\1", 2));
  EXPECT_EQ(open_data({.root = folder_.path()}, 0).val->class_names(),
            (std::vector<std::string>{"0", "1", "2"}));
  write_pair("t10k", std::string("\0\4", 2));
  const std::string message = error_of({.root = folder_.path()});
  EXPECT_NE(message.find("t10k-labels-idx1-ubyte' has label 4"), std::string::npos) << message;
  EXPECT_NE(message.find("3 classes (0, 1, 2)"), std::string::npos) << message;
}

}  // namespace
}  // namespace vicinity::testing
