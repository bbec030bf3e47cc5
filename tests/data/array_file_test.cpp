// Files of arrays written in place; tests/cli/test_embed.py reads them with numpy, h5py and
// safetensors.
#include "data/arrays/array_file.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/files.h"
#include "data/pack/hdf5_file.h"
#include "tests/support/temp_dir.h"

namespace vicinity::testing {
namespace {

const std::vector<float> kNumbers = {1, 2, 3, 4, 5, 6};

std::vector<ArraySpec> specs() {
  return {{"x", ArraySpec::Type::f32, 3, {1, 2}},
          {"ok", ArraySpec::Type::u8, 3, {}},
          {"names", ArraySpec::Type::text, 3, {}, 4}};
}

void append_rows(ArrayFile& file, int64_t begin, int64_t end) {
  const std::string names("one\0\xc3\xa9t\xc3\xbe", 8), all = names + std::string("z\0\0\0", 4);
  const uint8_t ok[] = {1, 0, 1};
  const auto count = static_cast<uint64_t>(end - begin);
  file.append(0, kNumbers.data() + 2 * begin, 8 * count);
  file.append(1, ok + begin, count);
  file.append(2, all.data() + 4 * begin, 4 * count);
}

class ArrayFiles : public ::testing::TestWithParam<const char*> {
 protected:
  TempDir dir_;
  std::string path_ = dir_.path() + "/f" + GetParam();
};

TEST_P(ArrayFiles, GoOnAfterAKillToTheSameBytes) {
  {
    const auto whole = ArrayFile::create(path_, "id", specs());
    append_rows(*whole, 0, 3);
    whole->finish();
  }
  const std::string expected = read_file(path_);
  std::filesystem::remove(path_);
  {
    const auto killed = ArrayFile::create(path_, "id", specs());
    append_rows(*killed, 0, 1);
    killed->commit();
    append_rows(*killed, 1, 3);  // not noted: written again
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(ArrayFile::resume(path_, "another id"), nullptr);
  const auto file = ArrayFile::resume(path_, "id");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->rows(0), 1);
  EXPECT_EQ(file->rows(2), 1);
  EXPECT_THROW(file->finish(), InternalError);
  append_rows(*file, 1, 3);
  file->finish();
  const std::string bytes = read_file(path_);
  EXPECT_EQ(bytes.size(), expected.size());
  if (std::string(GetParam()) != ".h5") {  // which may hold the time
    EXPECT_EQ(bytes, expected);
  }
  const std::string numbers(reinterpret_cast<const char*>(kNumbers.data()), 24);
  EXPECT_NE(bytes.find(numbers), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".part.progress"));
  EXPECT_EQ(ArrayFile::resume(path_, "id"), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Formats, ArrayFiles, ::testing::Values(".safetensors", ".npz", ".h5"),
                         [](const auto& info) { return std::string(info.param).substr(1); });

TEST(ArrayFile, SafetensorsStartEightBytesAligned) {
  const TempDir dir;
  const std::string path = dir.path() + "/f.safetensors";
  const auto file = ArrayFile::create(path, "", specs());
  append_rows(*file, 0, 3);
  file->finish();
  const std::string bytes = read_file(path);
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  EXPECT_EQ(bytes.size(), 8 + length + 24 + 3 + 12);
  EXPECT_EQ(bytes.compare(8 + length, 24, reinterpret_cast<const char*>(kNumbers.data()), 24), 0);
}

TEST(ArrayFile, NpzHasTheChecksumsOfItsEntries) {
  const TempDir dir;
  const std::string path = dir.path() + "/f.npz";
  const auto file = ArrayFile::create(path, "", specs());
  append_rows(*file, 0, 3);
  file->finish();
  const std::string bytes = read_file(path);
  const size_t start = bytes.find("\x93NUMPY");
  ASSERT_NE(start, std::string::npos);
  EXPECT_EQ((bytes.find(reinterpret_cast<const char*>(kNumbers.data()), 0, 24) - start) % 64, 0u);
  uint32_t stored = 0;
  std::memcpy(&stored, bytes.data() + 14, 4);
  const auto* entry = reinterpret_cast<const Bytef*>(bytes.data() + start);
  const size_t size = bytes.find("PK", start) - start;
  EXPECT_EQ(stored, crc32_z(0, entry, size));
}

TEST(ArrayFile, Hdf5ReadsWhatWasWrittenBehindItsBack) {
  const TempDir dir;
  const std::string path = dir.path() + "/f.hdf5";
  const auto writer = ArrayFile::create(path, "", specs());
  append_rows(*writer, 0, 3);
  writer->finish();
  const Hdf5File file = Hdf5File::open(path);
  std::vector<float> numbers(6);
  file.read("x", H5T_NATIVE_FLOAT, numbers.data());
  EXPECT_EQ(numbers, kNumbers);
  EXPECT_EQ(file.count("names"), 3u);
}

TEST(ArrayFile, OtherExtensionsAreRefused) {
  const TempDir dir;
  EXPECT_THROW(ArrayFile::create(dir.path() + "/f.csv", "", specs()), UsageError);
  EXPECT_THROW(ArrayFile::create(dir.path() + "/absent/f.h5", "", specs()), IoError);
}

}  // namespace
}  // namespace vicinity::testing
