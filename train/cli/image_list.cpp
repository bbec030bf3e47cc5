#include "train/cli/image_list.h"

#include <glob.h>

#include <filesystem>

#include "core/base/error.h"
#include "data/source/folder.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

void add_folder(const std::string& folder, std::vector<std::string>& files) {
  FoundImages found;
  find_images(folder, found);
  log_ignored("in '" + folder + "'", found.ignored);
  VIC_CHECK(DataError, !found.images.empty(), "no images in '", folder,
            "' (looked for .jpg, .jpeg, .png, .webp)");
  files.insert(files.end(), found.images.begin(), found.images.end());
}

void add_lines(std::istream& input, std::vector<std::string>& files) {
  for (std::string line; std::getline(input, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) files.push_back(line);
  }
}

void add_matches(const std::string& pattern, std::vector<std::string>& files) {
  glob_t found{};
  std::vector<std::string> matches;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    matches.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  VIC_CHECK(DataError, !matches.empty(), "no file matches '", pattern, "'");
  for (const std::string& match : matches) {
    if (fs::is_directory(match)) {
      add_folder(match, files);
    } else {
      files.push_back(match);
    }
  }
}

}  // namespace

std::vector<std::string> list_images(const std::vector<std::string>& words, std::istream& input) {
  std::vector<std::string> files;
  for (const std::string& word : words) {
    if (word == "-") {
      add_lines(input, files);
    } else if (fs::is_directory(word)) {
      add_folder(word, files);
    } else if (!fs::exists(word) && word.find_first_of("*?[") != std::string::npos) {
      add_matches(word, files);
    } else {
      files.push_back(word);
    }
  }
  return files;
}

}  // namespace vicinity
