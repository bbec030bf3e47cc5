// Pickles as descriptions, and what of them is refused; which part of a checkpoint the weights are.
#include "models/weights/pickle.h"

#include "core/base/error.h"
#include "gtest/gtest.h"
#include "models/weights/state_dict.h"
#include "models/weights/torch_names.h"

namespace vicinity::testing {
namespace {

using namespace std::string_literals;
using Kind = PickleValue::Kind;

Pickle parse(const std::string& bytes) { return {bytes, torch_globals(), "f.pth"}; }

std::string refusal(const std::string& bytes) {
  try {
    parse(bytes);
  } catch (const DataError& error) {
    return error.message();
  }
  return "accepted";
}

TEST(Pickle, PlainValues) {
  const std::string bytes =
      "\x80\x02("s                         // PROTO 2, MARK
      "K\x07M\x01\x02J\xfe\xff\xff\xff"    // 7, 513, -2
      "\x8a\x02\xff\xff\x8a\x00"           // -1, 0
      "G\x3f\xe0\x00\x00\x00\x00\x00\x00"  // 0.5
      "N\x88I00\nL-5L\nF1.5\n"
      "X\x02\x00\x00\x00hiC\x01z]t."s;
  const Pickle pickle = parse(bytes);
  EXPECT_EQ(pickle.length, bytes.size());
  const PickleValue& all = pickle.at(pickle.root);
  ASSERT_EQ(all.kind, Kind::tuple);
  const auto item = [&](size_t i) { return pickle.at(all.items.at(i)); };
  const std::vector<int64_t> integers = {7, 513, -2, -1, 0};
  for (size_t i = 0; i < integers.size(); ++i) EXPECT_EQ(item(i).integer, integers[i]) << i;
  EXPECT_EQ(item(5).real, 0.5);
  EXPECT_EQ(item(6).kind, Kind::none);
  EXPECT_EQ(item(7).integer, 1);
  EXPECT_EQ(item(8).kind, Kind::boolean);
  EXPECT_EQ(item(9).integer, -5);
  EXPECT_EQ(item(10).real, 1.5);
  EXPECT_EQ(item(11).text, "hi");
  EXPECT_EQ(item(12).kind, Kind::bytes);
  EXPECT_EQ(item(13).kind, Kind::list);
}

TEST(Pickle, WhatIsNoPickleIsRefused) {
  const std::vector<std::pair<std::string, const char*>> bad = {
      {"", "cut short"},
      {"\x80\x06N.", "protocol 6"},
      {"\x80\x02.", "empty stack"},
      {"\x80\x02(t", "cut short"},
      {"t.", "did not begin"},
      {"K\x01(0."s, "accepted"},  // POP takes the mark
      {"N(s.", "empty stack"},    // nothing since the mark
      {"}(K\x01u."s, "key without a value"},
      {"NN.", "accepted"},  // what is left over does not matter, as in Python
      {"NK\x01"
       "a."s,
       "adds elements"},
      {"h\x00."s, "did not keep"},
      {"X\xff\xff\xff\xffhi."s, "4294967295 bytes wanted"},
      {"\x8d\xff\xff\xff\xff\xff\xff\xff\xffhi."s, "18446744073709551615 bytes wanted"},
      {"I12x\n.", "'12x' for a whole number"},
      {"I12", "within a line"},
      {"cos\nsystem\n.", "asks to call os.system"},
      {"c__builtin__\neval\n.", "asks to call builtins.eval"},
      {"\x8c\x02os\x8c\x06system\x93."s, "asks to call os.system"},
      {"NN\x93."s, "no text"},
      {"N)R.", "calls what is no class"},
      {"ccollections\nOrderedDict\nNR.", "without a tuple"},
      {"\x82\x01."s, "opcode 130"},       // EXT1
      {"ios\nsystem\n.", "opcode 105"},   // INST
      {"(cos\nsystem\no.", "os.system"},  // OBJ
      {"Pabc\n.", "opcode 80"},           // PERSID
      {"\x97."s, "opcode 151"},           // NEXT_BUFFER
  };
  for (const auto& [bytes, says] : bad)
    EXPECT_NE(refusal(bytes).find(says), std::string::npos) << bytes << ": " << refusal(bytes);
}

TEST(Pickle, NamesInMessagesAreShortAndPrintable) {
  const std::string said = refusal("c\x1b[31m" + std::string(100000, 'x') + "\nf\n.");
  EXPECT_EQ(said.find('\x1b'), std::string::npos);
  EXPECT_LT(said.size(), 500u);
}

TEST(Pickle, MillionsOfValuesAreRefused) {
  std::string bytes(3'000'000, '}');
  bytes += '.';
  EXPECT_NE(refusal(bytes).find("2000000 values"), std::string::npos);
}

TEST(Pickle, EndlessStacksAreRefused) {
  EXPECT_NE(refusal("N" + std::string(3'000'000, '2') + ".").find("piles up"), std::string::npos);
  EXPECT_NE(refusal(std::string(3'000'000, '(') + ".").find("2000000 groups"), std::string::npos);
}

TEST(Pickle, DeepAndCircularValuesAreNoTrouble) {
  std::string bytes(1'000'000, ']');
  bytes.append(999'999, 'a');
  bytes += '.';
  EXPECT_EQ(refusal(bytes), "accepted");
  EXPECT_EQ(refusal("]q\x00h\x00"
                    "a."s),
            "accepted");
}

// A text key and what is put under it.
std::string entry(const std::string& key, const std::string& value) {
  std::string bytes = "X";
  bytes += static_cast<char>(key.size());
  return bytes.append(3, '\0') + key + value + "s";
}

// A dictionary of such entries.
std::string dict(const std::string& entries) { return std::string(1, '}') + entries; }

std::string search(const std::string& bytes, bool use_ema = false) {
  try {
    const Pickle pickle = parse(bytes);
    std::string names;
    for (const auto& [name, value] : find_state_dict(pickle, "f.pth", use_ema).tensors)
      names += name + " ";
    return names;
  } catch (const DataError& error) {
    return error.message();
  }
}

const std::string kTensor = "ctorch._utils\n_rebuild_tensor\n)R";  // whatever its arguments are

TEST(StateDict, WrappersAreTakenInOrder) {
  const std::string weights = dict(entry("w", kTensor));
  EXPECT_EQ(search(dict(entry("w", kTensor)) + "."), "w ");
  EXPECT_EQ(search(dict(entry("model", weights) + entry("epoch", "K\x01")) + "."), "w ");
  const std::string student = entry("student", dict(entry("s", kTensor)));
  EXPECT_EQ(search(dict(student + entry("teacher", weights)) + "."), "w ");
  EXPECT_EQ(search(dict(entry("model", dict(entry("state_dict", weights)))) + "."), "w ");
  // 'model' holds no tensors here, so it is no wrapper.
  EXPECT_EQ(search(dict(entry("model", "}") + entry("other", weights)) + "."), "other.w ");
}

TEST(StateDict, TheAverageIsTakenWhereItIsAskedFor) {
  const std::string both = dict(entry("state_dict", dict(entry("w", kTensor))) +
                                entry("state_dict_ema", dict(entry("a", kTensor)))) +
                           ".";
  EXPECT_EQ(search(both), "w ");
  EXPECT_EQ(search(both, true), "a ");
  EXPECT_EQ(search(dict(entry("model", dict(entry("w", kTensor))) +
                        entry("model_ema", dict(entry("module", dict(entry("a", kTensor)))))) +
                       ".",
                   true),
            "module.a ");
  const std::string without =
      search(dict(entry("state_dict", dict(entry("w", kTensor)))) + ".", true);
  EXPECT_NE(without.find("holds no averaged weights (state_dict_ema, model_ema)"),
            std::string::npos)
      << without;
}

void expect_refused(const std::string& bytes, const char* says) {
  const std::string said = search(bytes + ".");
  EXPECT_NE(said.find(says), std::string::npos) << said;
}

TEST(StateDict, ClashesAndEmptyFilesAreNamed) {
  expect_refused("}", "holds no tensors");
  expect_refused("N", "no dictionary");
  const std::string inner = entry("a", dict(entry("b", kTensor)));
  expect_refused(dict(entry("a.b", kTensor) + inner), "names 'a.b' twice");
  expect_refused(dict(entry("a\n", kTensor)), "'a?'");
}

// Each level refers to the one below twice: 2^30 names, if they were all written out.
TEST(StateDict, SharedDictionariesDoNotMultiply) {
  std::string bytes = dict(entry("w", kTensor)) + "q\x00"s;
  for (int level = 0; level < 30; ++level)
    bytes += dict(entry("a", "h\x00"s) + entry("b", "h\x00"s)) + "q\x00"s;
  expect_refused(bytes, "in another place as well");
}

TEST(StateDict, DictionariesMayContainThemselves) {
  const std::string itself = dict("q\x00"s + entry("model", "h\x00"s) + entry("w", kTensor));
  expect_refused(itself, "in another place as well");
}

TEST(StateDict, DeepNestingIsRefused) {
  std::string bytes;
  for (int level = 0; level < 100; ++level) bytes += dict("X\1\0\0\0a"s);
  bytes += kTensor;
  bytes.append(100, 's');
  expect_refused(bytes, "nest more than 32 deep");
}

}  // namespace
}  // namespace vicinity::testing
