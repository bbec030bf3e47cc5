#include "data/source/val_labels.h"

#include <algorithm>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "data/source/mat_synsets.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

// n and eight digits.
bool is_wordnet_id(const std::string& word) {
  return word.size() == 9 && word[0] == 'n' &&
         word.find_first_not_of("0123456789", 1) == std::string::npos;
}

bool is_number(const std::string& word) {
  return !word.empty() && word.size() < 9 &&
         word.find_first_not_of("0123456789") == std::string::npos;
}

std::string stem_of(const std::string& file) { return fs::path(file).stem().string(); }

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  size_t at = 0;
  constexpr const char* kBlanks = " \t\r,;";
  while ((at = line.find_first_not_of(kBlanks, at)) != std::string::npos) {
    const size_t end = std::min(line.size(), line.find_first_of(kBlanks, at));
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

// map_clsloc.txt: lines "n02119789 1 kit_fox".
std::map<std::string, std::string> clsloc_order(const std::string& path) {
  std::map<std::string, std::string> ids;
  for (const std::string& line : split(read_file(path), '\n')) {
    const std::vector<std::string> words = words_of(line);
    if (words.empty()) continue;
    VIC_CHECK(DataError, words.size() >= 2 && is_wordnet_id(words[0]) && is_number(words[1]), "'",
              path, "': '", line, "' is not a WordNet id and a number");
    ids[words[1]] = words[0];
  }
  return ids;
}

// Number -> id, from a file of the development kit beside the labels.
std::map<std::string, std::string> kit_order(const std::string& labels) {
  const fs::path folder = fs::path(labels).parent_path();
  if (fs::exists(folder / "map_clsloc.txt"))
    return clsloc_order((folder / "map_clsloc.txt").string());
  if (fs::exists(folder / "meta.mat")) return mat_synsets((folder / "meta.mat").string());
  VIC_FAIL(DataError, "'", labels,
           "' holds numbers in the order of the development kit, and there is no meta.mat or "
           "map_clsloc.txt beside it to tell which classes they are; put one there, or use a list "
           "of WordNet ids (imagenet_2012_validation_synset_labels.txt, LOC_val_solution.csv)");
}

}  // namespace

ValLabels::ValLabels(const std::string& path) : path_(path) {
  std::map<std::string, std::string> kit;
  int64_t number = 0;
  for (const std::string& line : split(read_file(path), '\n')) {
    ++number;
    std::vector<std::string> words = words_of(line);
    if (!words.empty() && words[0] == "mv") {  // mv FILE ID/
      words.erase(words.begin());
      if (words.size() == 2 && ends_with(words[1], "/")) words[1].pop_back();
    }
    if (words.empty() || words[0][0] == '#' || words[0] == "mkdir") continue;
    if (words.size() == 1 && is_wordnet_id(words[0])) {
      in_order_.push_back(words[0]);
    } else if (words.size() == 1 && is_number(words[0])) {
      if (kit.empty()) kit = kit_order(path);
      VIC_CHECK(DataError, kit.contains(words[0]), "'", path, "' line ", number, ": class ",
                words[0], " of ", kit.size());
      in_order_.push_back(kit[words[0]]);
    } else if (words.size() >= 2 && is_wordnet_id(words[1])) {
      const auto [at, fresh] = by_stem_.emplace(stem_of(words[0]), words[1]);
      VIC_CHECK(DataError, fresh, "'", path, "' line ", number, ": '", words[0], "' comes twice");
    } else {
      const bool numbered = words.size() == 2 && is_number(words[1]);
      VIC_CHECK(DataError, !numbered, "'", path, "' line ", number,
                " gives a file and a number: such lists count from 0 in the order of the WordNet "
                "ids, or from 1 in the development kit's. Use one of WordNet ids "
                "(imagenet_2012_validation_synset_labels.txt, LOC_val_solution.csv)");
      const bool header = by_stem_.empty() && in_order_.empty() && words.size() >= 2;
      VIC_CHECK(DataError, header, "'", path, "' line ", number, ": '", line.substr(0, 80),
                "' is not a file and a WordNet id, nor an id alone");
    }
  }
  VIC_CHECK(DataError, in_order_.empty() || by_stem_.empty(), "'", path,
            "' has lines with file names and lines without");
}

std::vector<std::string> ValLabels::of(const std::vector<std::string>& names) const {
  const size_t known = in_order_.size() + by_stem_.size();
  VIC_CHECK(DataError, known == names.size(), "'", path_, "' has labels of ", known,
            " images, the validation archive has ", names.size(), " images");
  if (by_stem_.empty()) return in_order_;
  std::vector<std::string> ids;
  for (const std::string& name : names) {
    const auto found = by_stem_.find(stem_of(name));
    VIC_CHECK(DataError, found != by_stem_.end(), "'", path_, "' has no label for '", name, "'");
    ids.push_back(found->second);
  }
  return ids;
}

std::string ValLabels::find(const std::string& folder) {
  for (const char* name : {"LOC_val_solution.csv", "imagenet_2012_validation_synset_labels.txt",
                           "valprep.sh", "ILSVRC2012_validation_ground_truth.txt",
                           "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt"}) {
    const fs::path path = fs::path(folder) / name;
    if (fs::exists(path)) return path.string();
  }
  return "";
}

}  // namespace vicinity
