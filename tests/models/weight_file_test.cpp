// open_weights: what a file or folder is shows in its bytes; shards are one file to the reader.
#include "models/weights/weight_file.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "models/weights/safetensors.h"
#include "tests/support/op_cases.h"
#include "tests/support/temp_dir.h"

namespace vicinity::testing {
namespace {

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

const Tensor& sample(int which) {
  static const std::vector<Tensor> all = {cast(random_tensor({3, 5}, 1), DType::f32),
                                          cast(random_tensor({7}, 2), DType::bf16),
                                          random_tensor({2, 2}, 3)};
  return all[static_cast<size_t>(which)];
}

// Two shards and, as index, `weight_map`.
void write_shards(const TempDir& dir, const std::string& weight_map) {
  write_safetensors(dir.file("one.safetensors"), {{"a", sample(0)}, {"b", sample(1)}});
  write_safetensors(dir.file("two.safetensors"), {{"c", sample(2)}});
  write_text(dir.file("model.safetensors.index.json"),
             R"({"metadata": {"total_size": 1}, "weight_map": )" + weight_map + "}");
}

std::string refusal(const std::string& path) {
  try {
    open_weights(path);
  } catch (const DataError& error) {
    return error.message();
  }
  return "accepted";
}

void expect_says(const std::string& message, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message;
}

TEST(WeightFile, AFolderGivesItsSafetensors) {
  const TempDir dir;
  write_safetensors(dir.file("model.safetensors"), {{"a", sample(0)}});
  EXPECT_TRUE(same_bits(open_weights(dir.path())->read("a"), sample(0)));
  EXPECT_TRUE(same_bits(open_weights(dir.file("model.safetensors"))->read("a"), sample(0)));
}

TEST(WeightFile, TheNameDoesNotMatter) {
  const TempDir dir;
  write_safetensors(dir.file("checkpoint.pth"), {{"a", sample(0)}});
  EXPECT_TRUE(same_bits(open_weights(dir.file("checkpoint.pth"))->read("a"), sample(0)));
}

// The file begins with the length of its header, whose first byte may be that of a pickle or of
// JSON.
TEST(WeightFile, AnyLengthOfHeaderIsASafetensors) {
  const TempDir dir;
  for (const unsigned length : {0x80u, 0x180u, 0x7bu, 0x17bu}) {
    std::string header = R"({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}})";
    header.resize(length, ' ');
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, sizeof length);
    std::ofstream(dir.file("x"), std::ios::binary) << bytes << header << 'z';
    EXPECT_TRUE(open_weights(dir.file("x"))->has("a")) << length;
  }
}

TEST(WeightFile, ShardsAreOneFile) {
  const TempDir dir;
  write_shards(dir, R"({"a": "one.safetensors", "b": "one.safetensors", "c": "two.safetensors"})");
  const auto file = open_weights(dir.path());
  EXPECT_EQ(file->entries().size(), 3u);
  EXPECT_EQ(file->entries().at("b").dtype, "BF16");
  EXPECT_TRUE(same_bits(file->read("a"), sample(0)));
  EXPECT_TRUE(same_bits(file->read("b"), sample(1)));
  EXPECT_TRUE(same_bits(file->read("c"), sample(2)));
  EXPECT_THROW(file->read("d"), DataError);
}

TEST(WeightFile, AnIndexThatLiesIsRefusedByName) {
  const TempDir dir;
  const auto says = [&](const std::string& weight_map, const std::vector<std::string>& parts) {
    write_shards(dir, weight_map);
    expect_says(refusal(dir.path()), parts);
  };
  says(R"({"a": "three.safetensors"})", {"'a'", "'three.safetensors'", "not there"});
  says(R"({"a": "two.safetensors"})", {"'a'", "'two.safetensors'", "does not hold it"});
  says(R"({"a": "one.safetensors", "a": "one.safetensors"})", {"names 'a' twice"});
  says(R"({"a": "../one.safetensors"})", {"'../one.safetensors'", "no file beside the index"});
  says(R"({"a": "model.safetensors.index.json"})", {"model.safetensors.index.json"});
  says(R"({"a": ")" + std::string(5000, 'x') + R"("})", {"not there"});
  says(R"({"a": 3})", {"damaged"});
  says("{", {"damaged"});
  write_safetensors(dir.file("two.safetensors"), {{"a", sample(2)}});
  write_text(dir.file("model.safetensors.index.json"),
             R"({"weight_map": {"b": "one.safetensors", "a": "two.safetensors"}})");
  expect_says(refusal(dir.path()), {"'a'", "two shards", "one.safetensors", "two.safetensors"});
}

// What was copied stays in the system's cache of files, not in this process.
TEST(WeightFile, ReadingTakesTheMemoryOfWhatIsRead) {
  const auto resident = [] {
    std::ifstream statm("/proc/self/statm");
    int64_t all = 0, pages = 0;
    statm >> all >> pages;
    return pages * sysconf(_SC_PAGESIZE);
  };
  const TempDir dir;
  std::vector<NamedTensor> tensors;
  for (int i = 0; i < 16; ++i) {
    tensors.push_back({str("t", i), Tensor({1 << 19}, DType::f32, kCpu)});
    std::fill_n(tensors.back().tensor.data<float>(), 1 << 19, static_cast<float>(i));
  }
  write_safetensors(dir.file("model.safetensors"), tensors);
  const int64_t before = resident();
  const auto file = open_weights(dir.path());
  for (const NamedTensor& t : tensors) EXPECT_TRUE(same_bits(file->read(t.name), t.tensor));
  EXPECT_LT(resident() - before, int64_t{8} << 20) << "of a file of 32 MiB";
}

TEST(WeightFile, WhatIsNoWeightFileIsNamed) {
  const TempDir dir;
  expect_says(refusal(dir.file("absent")), {"absent", "no such file or folder"});
  expect_says(refusal(std::string(5000, 'x')), {"no such file or folder"});
  expect_says(refusal(dir.path()), {"model.safetensors", "pytorch_model.bin"});
  write_text(dir.file("x"), "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
  expect_says(refusal(dir.file("x")), {"Git LFS", "git lfs pull"});
  write_text(dir.file("x"), "<!DOCTYPE html><html><body>Not found</body></html>");
  expect_says(refusal(dir.file("x")), {"web page"});
  write_text(dir.file("x"), "\xff\xd8\xff\xe0 a picture, say");
  expect_says(refusal(dir.file("x")), {"neither as safetensors nor as what torch.save writes"});
  write_text(dir.file("x"), "\x89HDF\r\n\x1a\n");
  expect_says(refusal(dir.file("x")), {"HDF5"});
  write_text(dir.file("x"), "");
  expect_says(refusal(dir.file("x")), {"0 bytes"});
}

}  // namespace
}  // namespace vicinity::testing
