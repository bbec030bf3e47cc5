// What a pickle says of a tensor, and that none reaches beyond its storage.
#include "models/weights/torch_tensor.h"

#include "core/base/error.h"
#include "gtest/gtest.h"
#include "models/weights/torch_names.h"

namespace vicinity::testing {
namespace {

using Numbers = std::vector<int32_t>;

// str() and not +: g++ 12 warns falsely of lengths where a literal and a string are added.
std::string integer(int32_t value) {
  return str("J", std::string_view(reinterpret_cast<const char*>(&value), 4));
}

std::string tuple(const Numbers& numbers) {
  std::string bytes(1, '(');
  for (const int32_t number : numbers) bytes += integer(number);
  return str(bytes, "t");
}

std::string text(const std::string& value) {
  return str("X", static_cast<char>(value.size()), std::string(3, '\0'), value);
}

std::string global(const char* module, const char* name) {
  return str("c", module, "\n", name, "\n");
}

struct Written {
  Numbers shape, strides;
  int32_t offset = 0, items = 12;
  std::string part = "N";  // of the storage, in files before torch 1.6
};

std::string tensor_bytes(const Written& w) {
  return str(global("torch._utils", "_rebuild_tensor_v2"), "((", text("storage"),
             global("torch", "FloatStorage"), text("7"), text("cpu"), integer(w.items), w.part,
             "tQ", integer(w.offset), tuple(w.shape), tuple(w.strides), "\x89NtR.");
}

TorchTensor described(const std::string& bytes) {
  const std::string path = "f.pth";
  const Pickle pickle(bytes, torch_globals(), path);
  return torch_tensor(pickle, pickle.root, "w", path);
}

std::string refusal(const std::string& bytes) {
  try {
    described(bytes);
  } catch (const DataError& error) {
    return error.message();
  }
  return "accepted";
}

TEST(TorchTensor, IsWhatThePickleSays) {
  const TorchTensor tensor = described(tensor_bytes({{3, 2}, {1, 3}, 5}));
  EXPECT_EQ(tensor.shape, (Shape{3, 2}));
  EXPECT_EQ(tensor.strides, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(tensor.first, 5u);
  EXPECT_EQ(tensor.dtype, "F32");
  EXPECT_EQ(tensor.storage.key, "7");
}

TEST(TorchTensor, APartOfAStorageShiftsTheOffset) {
  const std::string part = str("(", text("view"), integer(4), integer(6), "t");
  EXPECT_EQ(described(tensor_bytes({{5}, {1}, 1, 12, part})).first, 5u);
  EXPECT_NE(refusal(tensor_bytes({{6}, {1}, 1, 12, part})).find("element 6 of a storage of 6"),
            std::string::npos);
  EXPECT_NE(refusal(tensor_bytes({{1}, {1}, 0, 9, part})).find("has a part of 6 at 4"),
            std::string::npos);
}

TEST(TorchTensor, ReachesNoFurtherThanItsStorage) {
  const std::vector<std::pair<Written, const char*>> cases = {
      {{{12}, {1}}, "accepted"},
      {{{13}, {1}}, "reaches element 12 of a storage of 12"},
      {{{12}, {1}, 1}, "reaches element 12"},
      {{{3, 4}, {4, 1}}, "accepted"},
      {{{3, 4}, {4, 2}}, "reaches element 14"},
      {{{3, 4}, {0, 0}, 11}, "accepted"},
      {{{0, 4}, {4, 1}, 99}, "accepted"},
      {{{2}, {2147483647}}, "reaches element 2147483647"},
      {{{2147483647, 2147483647}, {0, 0}}, "more than 2^40 elements"},
      {{{2147483647}, {2147483647}}, "elements 2^40 apart"},
      {{{-1}, {1}}, "has -1 among its sizes"},
      {{{2}, {-1}, 1}, "has -1 among its sizes"},
      {{{1}, {1}, -1}, "has -1 among its sizes"},
      {{{2, 2}, {1}}, "has 1 strides"},
      {{{1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1}}, "has 7 axes"},
  };
  for (const auto& [written, says] : cases) {
    const std::string said = refusal(tensor_bytes(written));
    EXPECT_NE(said.find(says), std::string::npos) << says << ": " << said;
  }
}

TEST(TorchTensor, OtherDescriptionsAreRefused) {
  const auto says = [](const char* module, const char* name, const char* rest, const char* wanted) {
    const std::string said = refusal(str(global(module, name), rest));
    EXPECT_NE(said.find(wanted), std::string::npos) << said;
  };
  says("torch._utils", "_rebuild_tensor_v2", ")R.", "part 0 of 0");
  says("torch._utils", "_rebuild_parameter", "(NtR.", "part 0 of 1");
  says("builtins", "set", ")R.", "is made by builtins.set");
}

}  // namespace
}  // namespace vicinity::testing
