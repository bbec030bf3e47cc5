#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/files.h"
#include "data/source/tar_reader.h"
#include "tests/support/tar_bytes.h"
#include "tests/support/temp_dir.h"

namespace vicinity::testing {
namespace {

using Members = std::vector<std::pair<std::string, std::string>>;  // path and body

class TarTest : public ::testing::Test {
 protected:
  Members read(const std::string& bytes) const {
    write_file_atomically(folder_.file("a.tar"), bytes);
    const InputFile file(folder_.file("a.tar"));
    TarReader reader(file);
    Members members;
    for (TarMember m; reader.next(m);) members.emplace_back(m.path, file.text(m.at, m.size));
    return members;
  }
  std::string error_of(const std::string& bytes) const {
    try {
      read(bytes);
    } catch (const DataError& error) {
      return error.message();
    }
    return "no error";
  }
  TempDir folder_;
};

TEST_F(TarTest, ReadsEveryWayToWriteAPathAndASize) {
  const std::string deep(60, 'd'), name(80, 'n'), longer(300, 'l');
  const std::string base256 = std::string("\x80\0\0\0\0\0\0\0\0\0\0", 11) + '\3';
  const std::string bytes =
      tar_member({.name = "folder/", .kind = '5'}, "") + tar_file("./folder//a.jpg", "one") +
      tar_member({.name = name, .prefix = deep}, "two") +
      tar_member({.name = "base256.jpg", .size_text = base256}, "abc") +
      tar_member({.name = "././@LongLink", .kind = 'L', .magic = "ustar  "},
                 longer + std::string(1, '\0')) +
      tar_file(longer.substr(0, 100), "three") +
      tar_member({.name = "pax", .kind = 'x'}, pax_record("mtime", "1.5") +
                                                   pax_record("path", "p/" + longer) +
                                                   pax_record("size", "4")) +
      tar_member({.name = "short", .size_text = octal(0, 11)}, "four") +
      tar_member({.name = "comment", .kind = 'g'}, pax_record("comment", "of all")) +
      tar_member({.name = "old", .kind = '\0'}, std::string(512, 'x')) +
      tar_member({.name = "contiguous", .kind = '7'}, "") + tar_end();
  EXPECT_EQ(read(bytes), (Members{{"folder/a.jpg", "one"},
                                  {deep + "/" + name, "two"},
                                  {"base256.jpg", "abc"},
                                  {longer, "three"},
                                  {"p/" + longer, "four"},
                                  {"old", std::string(512, 'x')},
                                  {"contiguous", ""}}));
}

TEST_F(TarTest, AnArchiveInAnArchiveIsReadWhereItLies) {
  const std::string inner = tar_file("x.jpg", "inner") + tar_end();
  write_file_atomically(folder_.file("a.tar"), tar_file("class.tar", inner) + tar_end());
  const InputFile file(folder_.file("a.tar"));
  TarReader outer(file);
  TarMember archive, image;
  ASSERT_TRUE(outer.next(archive));
  TarReader reader(file, archive.at, archive.at + archive.size);
  ASSERT_TRUE(reader.next(image));
  EXPECT_EQ(image.path, "x.jpg");
  EXPECT_EQ(file.text(image.at, image.size), "inner");
  EXPECT_FALSE(reader.next(image));
  EXPECT_FALSE(outer.next(archive));
}

// Whatever was lost at the end is noticed, at whatever block or byte the copy stopped.
TEST_F(TarTest, AnArchiveThatWasCutShortIsRefused) {
  const std::string bytes = tar_file("a.jpg", std::string(700, 'a')) +
                            tar_member({.name = "x", .kind = 'x'}, pax_record("path", "b.jpg")) +
                            tar_file("short", std::string(512, 'b')) + tar_file("c.jpg", "") +
                            std::string(512, '\0');
  EXPECT_EQ(read(bytes).size(), 3u);
  for (size_t cut = 0; cut < bytes.size(); cut += 128)
    EXPECT_NE(error_of(bytes.substr(0, cut)).find("cut short"), std::string::npos) << cut;
}

TEST_F(TarTest, AttacksAndForeignThingsAreRefusedByName) {
  const auto file = [](const std::string& name) { return tar_file(name, "x") + tar_end(); };
  const auto kind = [](char k) { return tar_member({.name = "thing", .kind = k}, "") + tar_end(); };
  const auto sized = [](const std::string& text) {
    return tar_member({.name = "a.jpg", .size_text = text}, "x") + tar_end();
  };
  const auto pax = [](const std::string& body, char k = 'x') {
    return tar_member({.name = "pax", .kind = k}, body) + tar_file("a.jpg", "x") + tar_end();
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {file("../a.jpg"), "leads out of the archive"},
      {file("a/../../b.jpg"), "leads out of the archive"},
      {file("/etc/passwd"), "absolute path"},
      {file("a\nb.jpg"), "control characters"},
      {file("./."), "without a name"},
      {pax(pax_record("path", "/tmp/x")), "absolute path"},
      {pax(pax_record("path", "../x")), "leads out"},
      {pax(pax_record("path", std::string("a\0b", 3))), "control characters"},
      {pax(pax_record("path", std::string(5000, 'x'))), "a path of 5000 bytes"},
      {pax(pax_record("size", "99999999999999999")), "cut short"},
      {pax(pax_record("size", "-1")), "a size of '-1'"},
      {pax(pax_record("GNU.sparse.major", "1")), "sparse"},
      {pax(pax_record("path", "x"), 'g'), "a path for all members"},
      {pax("7 path="), "damaged pax record"},
      {pax("99 path=x\n"), "damaged pax record"},
      {pax("0 path=x\n"), "damaged pax record"},
      {pax("99999999999999999999 path=x\n"), "damaged pax record"},
      {pax("8 pathx\n"), "damaged pax record"},
      {sized("77777777777"), "claims 8589934591 bytes"},
      {sized(std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12)), "negative"},
      {sized(std::string("\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12)), "too large"},
      {sized("00000000x00"), "no octal number"},
      {kind('1'), "'thing' is a link"},
      {kind('2'), "'thing' is a link"},
      {kind('3'), "kind '3'"},
      {kind('S'), "kind 'S'"},
      {tar_file("a.jpg", "x") + tar_end() + file("b.jpg"), "there is more from byte 2048"},
      {tar_member({.name = "pax", .kind = 'x'}, pax_record("path", "x")) + tar_end(),
       "the member that it belongs to is missing"},
      {tar_member({.name = "L", .size = 1 << 30, .kind = 'L'}, "x") + tar_end(),
       "an extension of 1073741824 bytes"},
      {std::string("\x1f\x8b\x08", 3) + std::string(600, 'x'), "compressed (gzip)"},
      {std::string("\x28\xb5\x2f\xfd", 4) + std::string(600, 'x'), "compressed (zstd)"},
      {std::string(1024, 'x'), "this is no tar archive"},
      {"", "cut short"},
  };
  for (const auto& [bytes, wanted] : cases)
    EXPECT_NE(error_of(bytes).find(wanted), std::string::npos)
        << wanted << " / " << error_of(bytes);
}

TEST_F(TarTest, OneWrongBitInAHeaderIsNoticed) {
  const std::string bytes = tar_file("a.jpg", "x") + tar_file("b.jpg", "y") + tar_end();
  for (size_t at = 1024; at < 1536; at += 7) {
    std::string damaged = bytes;
    damaged[at] ^= 4;
    EXPECT_NE(error_of(damaged), "no error") << at;
  }
}

}  // namespace
}  // namespace vicinity::testing
