#include "data/source/mat_synsets.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>

#include "core/base/error.h"
#include "core/base/files.h"
#include "tests/support/temp_dir.h"

namespace vicinity::testing {
namespace {

template <class T>
std::string raw(T value) {
  std::string text(sizeof value, '\0');
  std::memcpy(text.data(), &value, sizeof value);
  return text;
}

std::string element(uint32_t type, const std::string& body, bool small = false) {
  if (small)
    return raw(static_cast<uint32_t>(type | body.size() << 16)) + body +
           std::string(4 - body.size(), '\0');
  const size_t fill = type == 15 ? 0 : (8 - body.size() % 8) % 8;
  return raw(type) + raw(static_cast<uint32_t>(body.size())) + body + std::string(fill, '\0');
}

// flags, dimensions, name, the rest
std::string matrix(uint32_t kind, int32_t rows, int32_t columns, const std::string& name,
                   const std::string& rest) {
  return element(
      14, element(6, raw(kind) + raw(uint32_t{0})) + element(5, raw(rows) + raw(columns)) +
              (name.size() <= 4 && !name.empty() ? element(1, name, true) : element(1, name)) +
              rest);
}

std::string fields(std::initializer_list<const char*> names) {
  std::string text;
  for (const std::string name : names) text += name + std::string(32 - name.size(), '\0');
  return element(5, raw(int32_t{32}), true) + element(1, text);
}

// The kit's array, smaller: ids as doubles that are stored as bytes, names as 16-bit letters or as
// bytes, a field of another kind between.
std::string kit() {
  std::string rest = fields({"ILSVRC2012_ID", "WNID", "words"});
  const char* ids[] = {"n02119789", "n02100735", "n02110185"};
  for (int i = 0; i < 3; ++i) {
    std::string wide;
    for (const char* c = ids[i]; *c != 0; ++c) wide += std::string{*c, '\0'};
    rest += matrix(
        6, 1, 1, "",
        i == 1 ? element(9, raw(2.0)) : element(2, std::string(1, static_cast<char>(i + 1)), true));
    rest += matrix(4, 1, 9, "", i == 2 ? element(16, ids[i]) : element(4, wide));
    rest += matrix(4, 1, 3, "", element(16, "fox", true));
  }
  return matrix(2, 3, 1, "synsets", rest);
}

std::string packed(const std::string& text) {
  std::string out(text.size() + 100, '\0');
  uLongf size = out.size();
  compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
           text.size());
  return out.substr(0, size);
}

class MatSynsets : public ::testing::Test {
 protected:
  std::map<std::string, std::string> read(const std::string& body) const {
    std::string head(124, ' ');
    write_file_atomically(folder_.file("meta.mat"), head + std::string("\0\1IM", 4) + body);
    return mat_synsets(folder_.file("meta.mat"));
  }
  TempDir folder_;
};

TEST_F(MatSynsets, IsReadPlainAndCompressed) {
  const std::map<std::string, std::string> wanted = {
      {"1", "n02119789"}, {"2", "n02100735"}, {"3", "n02110185"}};
  const std::string other = matrix(6, 1, 1, "x", element(9, raw(1.0)));
  EXPECT_EQ(read(kit()), wanted);
  EXPECT_EQ(read(other + element(15, packed(kit()))), wanted);
}

TEST_F(MatSynsets, DamageIsADataError) {
  const std::string whole = kit();
  for (size_t cut = 0; cut + 8 < whole.size(); cut += 5)
    EXPECT_THROW(read(whole.substr(0, cut)), DataError) << cut;
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ 0x85);
    try {
      read(bad);
    } catch (const DataError&) {
    }
  }
  const std::string small = packed(whole);
  EXPECT_THROW(read(element(15, small.substr(0, small.size() / 2))), DataError);
  EXPECT_THROW(read(matrix(2, 1, 1, "x", fields({"a"}))), DataError);
  EXPECT_THROW(read(""), DataError);
}

}  // namespace
}  // namespace vicinity::testing
