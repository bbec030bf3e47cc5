#include "train/cli/image_list.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>

#include "core/base/error.h"
#include "data/source/folder.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

void add_folder(const std::string& folder, std::vector<std::string>& files) {
  std::vector<std::string> inside;
  try {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file() && is_image_name(entry.path().string()))
        inside.push_back(entry.path().string());
    }
  } catch (const fs::filesystem_error& error) {
    VIC_FAIL(DataError, "cannot read '", error.path1().string(), "': ", error.code().message());
  }
  VIC_CHECK(DataError, !inside.empty(), "no images in '", folder,
            "' (looked for .jpg, .jpeg, .png, .webp)");
  std::sort(inside.begin(), inside.end());
  files.insert(files.end(), inside.begin(), inside.end());
}

void add_lines(std::istream& input, std::vector<std::string>& files) {
  for (std::string line; std::getline(input, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) files.push_back(line);
  }
}

void add_matches(const std::string& pattern, std::vector<std::string>& files) {
  glob_t found{};
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    files.insert(files.end(), found.gl_pathv, found.gl_pathv + found.gl_pathc);
  const bool any = found.gl_pathc > 0;
  globfree(&found);
  VIC_CHECK(DataError, any, "no file matches '", pattern, "'");
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
