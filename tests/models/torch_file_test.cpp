// Checkpoints of PyTorch: the values that torch wrote, bit for bit; whatever a file asks for,
// nothing is run; whatever its bytes are, it ends in those values or in a DataError.
#include "models/weights/torch_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>

#include "core/base/files.h"
#include "core/base/text.h"
#include "models/weights/safetensors.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

namespace fs = std::filesystem;

std::string fixture(const std::string& name) {
  return std::string(VICINITY_SOURCE_DIR) + "/tests/fixtures/torch/" + name;
}

std::string refusal(const std::string& path) {
  try {
    const auto file = open_weights(path);
    for (const auto& [name, entry] : file->entries()) file->read(name);
  } catch (const DataError& error) {
    return error.message();
  }
  return "accepted";
}

void expect_all_tensors(const std::string& name) {
  SCOPED_TRACE(name);
  const SafetensorsFile expected(fixture("expected.safetensors"));
  const auto file = open_weights(fixture(name));
  ASSERT_EQ(file->entries().size(), expected.entries().size());
  for (const auto& [tensor, entry] : expected.entries()) {
    ASSERT_TRUE(file->has(tensor)) << tensor;
    EXPECT_EQ(file->entries().at(tensor).shape, entry.shape) << tensor;
    EXPECT_TRUE(same_bits(file->read(tensor), expected.read(tensor))) << tensor;
  }
}

TEST(TorchFile, HasTheValuesThatTorchWrote) {
  for (const char* name : {"bare.pth", "bare_legacy.pth", "checkpoint.pth.tar",
                           "checkpoint_legacy.pth.tar", "deflated.pth", "stored.pth"})
    expect_all_tensors(name);
  EXPECT_EQ(open_weights(fixture("bare.pth"))->entries().at("f16").dtype, "F16");
  EXPECT_EQ(open_weights(fixture("bare.pth"))->entries().at("bf16").dtype, "BF16");
}

TEST(TorchFile, WhatIsBesideTheWeightsIsTold) {
  for (const char* name : {"checkpoint.pth.tar", "checkpoint_legacy.pth.tar"}) {
    const auto file = open_weights(fixture(name));
    const std::map<std::string, std::string> plain = {{"epoch", "12"},
                                                      {"arch", "dinat_mini"},
                                                      {"lr", "0.5"},
                                                      {"finished", "true"},
                                                      {"version", "2"}};
    EXPECT_EQ(file->metadata(), plain);
    EXPECT_EQ(join(file->ignored(), " "), "metric args optimizer big names device size counts");
  }
}

TEST(TorchFile, EveryProtocolReadsAlike) {
  for (const char* name : {"protocol1.pt", "protocol3.pt", "protocol4.pt", "protocol5.pt"}) {
    SCOPED_TRACE(name);
    const auto file = open_weights(fixture(name));
    EXPECT_EQ(file->read("a").shape(), (Shape{2, 3}));
    EXPECT_EQ(values_of<float>(file->read("b")), (std::vector<float>{-12.5, -12.375, -12.25}));
    EXPECT_EQ(file->metadata().at("epoch"), "1099511627776");
    EXPECT_EQ(file->metadata().at("ratio"), "0.5");
  }
}

TEST(TorchFile, TheTeacherIsTakenAndDictionariesJoinTheirNames) {
  const auto file = open_weights(fixture("nested.pth"));
  ASSERT_EQ(file->entries().size(), 2u);
  EXPECT_TRUE(file->has("backbone.a"));
  EXPECT_TRUE(file->has("head.0"));
  EXPECT_EQ(file->ignored(), std::vector<std::string>{"student"});
}

TEST(TorchFile, ShardsOfPickles) {
  const SafetensorsFile expected(fixture("expected.safetensors"));
  const auto file = open_weights(fixture("sharded"));
  for (const char* name : {"f32", "transposed", "i64", "shared.rows"})
    EXPECT_TRUE(same_bits(file->read(name), expected.read(name))) << name;
}

TEST(TorchFile, OtherByteOrdersAreRefused) {
  EXPECT_NE(refusal(fixture("big_endian.pt")).find("big-endian"), std::string::npos);
}

TEST(TorchFile, WhatItAsksToCallIsNamedAndNotCalled) {
  int files = 0;
  for (const auto& entry : fs::directory_iterator(fixture("attacks"))) {
    const std::string name = entry.path().stem().string();
    const std::string wanted = "asks to call " + name.substr(0, name.size() - 2);
    const std::string said = refusal(entry.path().string());
    EXPECT_NE(said.find(wanted + ";"), std::string::npos) << name << ": " << said;
    EXPECT_NE(said.find("nothing of it was run"), std::string::npos) << said;
    ++files;
  }
  EXPECT_EQ(files, 14);
  EXPECT_FALSE(fs::exists("attacked"));
}

// A damaged copy of a fixture gives the values of the whole file or a DataError, and takes little
// memory. Returns how many were refused.
class Damage {
 public:
  explicit Damage(const std::string& name)
      : file_(memfd_create("damaged", MFD_CLOEXEC)), bytes_(read_file(fixture(name))) {
    const auto whole = open_weights(fixture(name));
    for (const auto& [tensor, entry] : whole->entries()) values_[tensor] = whole->read(tensor);
  }
  ~Damage() { close(file_); }
  Damage(const Damage&) = delete;
  Damage& operator=(const Damage&) = delete;

  const std::string& bytes() const { return bytes_; }
  enum class Outcome { refused, right, wrong };
  Outcome of(const std::string& bytes) const {
    EXPECT_EQ(ftruncate(file_, 0), 0);
    EXPECT_EQ(pwrite(file_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    try {
      const auto file = open_weights("/proc/self/fd/" + std::to_string(file_));
      bool right = file->entries().size() == values_.size();
      for (const auto& [name, entry] : file->entries()) {
        const Tensor value = file->read(name);
        const auto known = values_.find(name);
        right = right && known != values_.end() && value.shape() == known->second.shape() &&
                same_bits(value, known->second);
      }
      return right ? Outcome::right : Outcome::wrong;
    } catch (const DataError&) {
      return Outcome::refused;
    }
  }

 private:
  int file_;  // in memory: disks are slow to write thousands of files
  std::string bytes_;
  std::map<std::string, Tensor> values_;
};

TEST(TorchFile, EveryTruncationIsRefused) {
  for (const char* name : {"protocol4.pt", "deflated.pth", "bare_legacy.pth", "nested.pth"}) {
    const Damage damage(name);
    for (size_t size = 0; size < damage.bytes().size(); ++size)
      EXPECT_EQ(damage.of(damage.bytes().substr(0, size)), Damage::Outcome::refused)
          << name << " of " << size << " bytes";
  }
}

// An archive carries checksums: any byte of it may change, never a value.
TEST(TorchFile, NoFlippedByteChangesAnArchivesValues) {
  for (const char* name : {"protocol4.pt", "deflated.pth", "bare.pth"}) {
    const Damage damage(name);
    for (const int flip : {0x01, 0x80, 0xff}) {
      for (size_t at = 0; at < damage.bytes().size(); ++at) {
        std::string bytes = damage.bytes();
        bytes[at] = static_cast<char>(bytes[at] ^ flip);
        EXPECT_NE(damage.of(bytes), Damage::Outcome::wrong) << name << ", byte " << at;
      }
    }
  }
}

// The old form has none: values may change, but the reader stays within the file.
TEST(TorchFile, FlippedBytesOfTheOldFormAreSurvived) {
  for (const char* name : {"bare_legacy.pth", "checkpoint_legacy.pth.tar"}) {
    const Damage damage(name);
    int refused = 0;
    for (const int flip : {0x01, 0x80, 0xff}) {
      for (size_t at = 0; at < damage.bytes().size(); ++at) {
        std::string bytes = damage.bytes();
        bytes[at] = static_cast<char>(bytes[at] ^ flip);
        refused += damage.of(bytes) == Damage::Outcome::refused ? 1 : 0;
      }
    }
    EXPECT_GT(refused, static_cast<int>(damage.bytes().size()));
  }
}

}  // namespace
}  // namespace vicinity::testing
