#include "train/cli/rank_codes.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

namespace vicinity {
namespace {

constexpr const char* kVariable = "VICINITY_RANK_CODES";
constexpr const char* kMet = "met";

// Each line is a rank and a word: kMet, or its code.
std::vector<std::pair<int, std::string>> words_of(const std::string& path) {
  std::vector<std::pair<int, std::string>> words;
  std::ifstream file(path);
  std::string word;
  for (int rank = 0; file >> rank >> word;) words.emplace_back(rank, word);
  return words;
}

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
  for (const auto& [rank, word] : words_of(path_))
    if (word != kMet) codes[rank] = std::stoi(word);
  return codes;
}

std::set<int> RankCodes::met() const {
  std::set<int> ranks;
  for (const auto& [rank, word] : words_of(path_))
    if (word == kMet) ranks.insert(rank);
  return ranks;
}

void RankCodes::clear() const { std::ofstream(path_, std::ios::trunc); }

RankCodeReport::~RankCodeReport() { tell(str(code_)); }

void RankCodeReport::met() const { tell(kMet); }

void RankCodeReport::tell(const std::string& word) const {
  const char* path = std::getenv(kVariable);
  if (path == nullptr) return;
  const int file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) return;  // whoever asked is gone
  const std::string line = str(rank_, " ", word, "\n");
  [[maybe_unused]] const ssize_t n = write(file, line.data(), line.size());
  close(file);
}

}  // namespace vicinity
