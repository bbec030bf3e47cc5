// Weight files: what we write reads back bit for bit, and no file can make us read or reserve what
// it does not hold.
#include <cmath>
#include <fstream>

#include "models/weights/safetensors.h"
#include "tests/support/op_cases.h"
#include "tests/support/temp_dir.h"

namespace vicinity::testing {
namespace {

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string raw_file(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header +
         std::string(data_bytes, '\1');
}

TEST(Safetensors, RoundTripIsBitEqual) {
  const TempDir dir;
  const std::vector<NamedTensor> tensors = {
      {"a.weight", cast(random_tensor({3, 5}, 1), DType::f32)},
      {"b", random_tensor({7}, 2)},
      {"half", cast(random_tensor({2, 2, 2}, 3), DType::bf16)},
      {"counts", tensor_of<int64_t>({2}, {-1, int64_t{1} << 60})},
      {"small", tensor_of<int32_t>({3}, {-5, 0, 5})},
      {"bytes", tensor_of<uint8_t>({5}, {0, 1, 2, 254, 255})},
      {"quote \" and \u00e9", cast(random_tensor({1}, 4), DType::f32)}};
  write_safetensors(dir.file("x.safetensors"), tensors);
  const SafetensorsFile file(dir.file("x.safetensors"));
  EXPECT_EQ(file.entries().size(), tensors.size());
  EXPECT_EQ(file.metadata().at("format"), "pt");
  for (const NamedTensor& t : tensors)
    EXPECT_TRUE(same_bits(file.read(t.name), t.tensor)) << t.name;
  EXPECT_FALSE(std::filesystem::exists(dir.file("x.safetensors.tmp")));
}

TEST(Safetensors, HalfPrecisionBecomesFloat) {
  const TempDir dir;
  // 1.5, the smallest subnormal, the largest number, minus infinity
  std::string bytes = raw_file(R"({"h":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}})", 0);
  bytes += std::string("\x00\x3e\x01\x00\xff\x7b\x00\xfc", 8);
  write_bytes(dir.file("h"), bytes);
  const std::vector<float> values = values_of<float>(SafetensorsFile(dir.file("h")).read("h"));
  EXPECT_EQ(values, (std::vector<float>{1.5f, 0x1p-24f, 65504.f, -INFINITY}));
}

// The message of the DataError that opening the file raises.
std::string refusal(const std::string& bytes) {
  const TempDir dir;
  write_bytes(dir.file("model.safetensors"), bytes);
  try {
    const SafetensorsFile file(dir.file("model.safetensors"));
  } catch (const DataError& error) {
    EXPECT_NE(error.message().find("model.safetensors"), std::string::npos) << error.message();
    return error.message();
  }
  return "accepted";
}

std::string entry(const char* shape, const char* offsets, const char* dtype = "F32") {
  return str(R"({"w":{"dtype":")", dtype, R"(","shape":)", shape, R"(,"data_offsets":)", offsets,
             "}}");
}

std::string str_times(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

struct Hostile {
  const char* what;
  std::string bytes;
  const char* says;
};

TEST(Safetensors, HostileFilesAreRefused) {
  const auto length = [](uint64_t n) { return std::string(reinterpret_cast<const char*>(&n), 8); };
  const std::vector<Hostile> files = {
      {"empty", "", "0 bytes"},
      {"shorter than its length field", "abc", "3 bytes"},
      {"header longer than the file", length(1000) + "{}", "claims 1000 bytes, the file has 2"},
      {"header of 2^63 bytes", length(uint64_t{1} << 63) + "{}", "claims 9223372036854775808"},
      {"header of all ones", length(~uint64_t{0}) + "{}", "claims 18446744073709551615"},
      {"not JSON", raw_file("{nonsense", 0), "does not parse"},
      {"not an object", raw_file("[1, 2]", 0), "not a JSON object"},
      {"not UTF-8", raw_file("{\"\xff\xfe\":1}", 0), "does not parse"},
      {"entry without offsets", raw_file(R"({"w":{"dtype":"F32","shape":[1]}})", 4),
       "does not parse"},
      {"entry that is a number", raw_file(R"({"w":3})", 4), "does not parse"},
      {"dtype that is a number",
       raw_file(R"({"w":{"dtype":3,"shape":[1],"data_offsets":[0,4]}})", 4), "does not parse"},
      {"metadata that is no text", raw_file(R"({"__metadata__":{"a":1}})", 0), "does not parse"},
      {"unknown dtype", raw_file(entry("[1]", "[0,4]", "F33"), 4), "unknown type 'F33'"},
      {"beyond the end", raw_file(entry("[2]", "[0,8]"), 4), "bytes 0 to 8 of 4"},
      {"backwards", raw_file(entry("[1]", "[4,0]"), 8), "bytes 4 to 0"},
      {"negative offset", raw_file(entry("[1]", "[-4,0]"), 4), "-4"},
      {"offset with a fraction", raw_file(entry("[1]", "[0.5,4]"), 4), "0.5"},
      {"one offset", raw_file(entry("[1]", "[0]"), 4), "1 offsets"},
      {"length that does not fit the shape", raw_file(entry("[3]", "[0,8]"), 16),
       "needs 12 bytes, the header gives it 8"},
      {"shape that overflows", raw_file(entry("[4294967296,4294967296]", "[0,4]"), 4),
       "larger than the file"},
      {"axis of 2^62", raw_file(entry("[4611686018427387904]", "[0,4]"), 4), "claims an axis"},
      {"negative axis", raw_file(entry("[-1]", "[0,4]"), 4), "-1"},
      {"seven axes", raw_file(entry("[1,1,1,1,1,1,1]", "[0,4]"), 4), "7 axes"},
      {"overlap",
       raw_file(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                12),
       "ends at 8"},
      {"hole",
       raw_file(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                R"("b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
                12),
       "ends at 4"},
      {"bytes that nobody owns", raw_file(entry("[1]", "[0,4]"), 9), "end at byte 4 of 9"},
      {"the same name twice",
       raw_file(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                R"("w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                8),
       "names 'w' twice"},
      {"deep nesting", raw_file(std::string(100000, '['), 0), "not a JSON object"},
      {"deep nesting that nobody asked for",
       raw_file("{\"w\":{\"x\":" + std::string(100000, '['), 0), "does not parse"},
      {"an axis that is a list", raw_file(entry("[[1]]", "[0,4]"), 4),
       "a list among its offsets and axes"},
      {"a shape that is an object", raw_file(entry("{}", "[0,4]"), 4), "does not parse"},
      {"a shape without end",
       raw_file(entry(("[0" + str_times(",0", 100) + "]").c_str(), "[0,0]"), 0),
       "more than 64 numbers for its shape"},
      {"a tensor that is a list", raw_file(R"({"w":[]})", 0), "'w' is a list, not an object"},
      {"the same field twice",
       raw_file(R"({"w":{"dtype":"F32","shape":[1],"shape":[2],"data_offsets":[0,8]}})", 8),
       "has shape twice"},
      {"metadata twice", raw_file(R"({"__metadata__":{},"__metadata__":{}})", 0), "twice"},
      {"metadata that nests", raw_file(R"({"__metadata__":{"a":{}}})", 0), "does not parse"},
  };
  for (const Hostile& file : files) {
    const std::string message = refusal(file.bytes);
    EXPECT_NE(message.find(file.says), std::string::npos) << file.what << ": " << message;
  }
}

TEST(Safetensors, UnknownFieldsArePassedOver) {
  const TempDir dir;
  write_bytes(dir.file("x"),
              raw_file(R"({"w":{"note":{"a":[1,{"b":null}]},"dtype":"U8","shape":[2],)"
                       R"("extra":[[]],"data_offsets":[0,2],"more":-1.5}})",
                       2));
  EXPECT_EQ(SafetensorsFile(dir.file("x")).read("w").shape(), Shape({2}));
}

// A header of many tensors once took the square of their number: hours for this one.
TEST(Safetensors, HeadersOfManyTensorsAreReadInOnePass) {
  constexpr int kTensors = 300'000;
  std::string header = "{";
  for (int i = 0; i < kTensors; ++i)
    header +=
        str(i > 0 ? "," : "", "\"t", i, R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})");
  const TempDir dir;
  write_bytes(dir.file("x"), raw_file(header + "}", 0));
  EXPECT_EQ(SafetensorsFile(dir.file("x")).entries().size(), static_cast<size_t>(kTensors));
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const TempDir dir;
  write_safetensors(dir.file("x"), {{"a", cast(random_tensor({4}, 1), DType::f32)},
                                    {"b", cast(random_tensor({2, 3}, 2), DType::f32)}});
  std::ifstream in(dir.file("x"), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(refusal(whole.substr(0, size)), "accepted") << size;
  }
  EXPECT_EQ(refusal(whole), "accepted");
}

TEST(Safetensors, TensorsOfTypesWithoutTensorAreNamedWhenRead) {
  const TempDir dir;
  write_bytes(dir.file("x"),
              raw_file(R"({"flag":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})", 2));
  const SafetensorsFile file(dir.file("x"));
  EXPECT_THROW(file.read("flag"), DataError);
  EXPECT_THROW(file.read("absent"), DataError);
}

TEST(Safetensors, AFailedWriteLeavesTheOldFile) {
  const TempDir dir;
  const Tensor x = cast(random_tensor({4}, 1), DType::f32);
  write_safetensors(dir.file("x"), {{"a", x}});
  std::filesystem::create_directory(dir.file("x.tmp"));  // in the way of the temporary file
  EXPECT_THROW(write_safetensors(dir.file("x"), {{"b", x}}), IoError);
  EXPECT_TRUE(SafetensorsFile(dir.file("x")).has("a"));
}

}  // namespace
}  // namespace vicinity::testing
