#include "train/cli/rank_codes.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace vicinity {
namespace {

constexpr const char* kVariable = "VICINITY_RANK_CODES";

}  // namespace

RankCodes::RankCodes()
    : path_((std::filesystem::temp_directory_path() / "vicinity.XXXXXX").string()) {
  const int file = mkstemp(path_.data());
  VIC_CHECK(IoError, file >= 0, "cannot make the file '", path_, "': ", std::strerror(errno));
  close(file);
  setenv(kVariable, path_.c_str(), 1);
}

RankCodes::~RankCodes() { unlink(path_.c_str()); }

std::map<int, int> RankCodes::read() const {
  std::map<int, int> codes;
  std::ifstream file(path_);
  for (int rank = 0, code = 0; file >> rank >> code;) codes[rank] = code;
  return codes;
}

void RankCodes::clear() const { std::ofstream(path_, std::ios::trunc); }

RankCodeReport::~RankCodeReport() {
  const char* path = std::getenv(kVariable);
  if (path == nullptr) return;
  const int file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) return;  // whoever asked is gone
  const std::string line = str(rank_, " ", code_, "\n");
  [[maybe_unused]] const ssize_t n = write(file, line.data(), line.size());
  close(file);
}

}  // namespace vicinity
