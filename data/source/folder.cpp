#include "data/source/folder.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "data/image/probe.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse_folder(const fs::path& path, const std::error_code& error) {
  VIC_FAIL(DataError, "cannot read the folder '", path.string(), "': ", error.message());
}

// Visible entries, sorted by name.
std::vector<fs::directory_entry> entries_of(const fs::path& folder) {
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  fs::directory_iterator it(folder, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    if (it->path().filename().string()[0] != '.') entries.push_back(*it);
  }
  if (error) refuse_folder(folder, error);
  std::sort(entries.begin(), entries.end());
  return entries;
}

// A link to a folder above it would be followed for ever.
void check_link(const fs::path& link) {
  std::error_code error;
  const std::string target = fs::canonical(link, error).string() + "/";
  const std::string here = fs::canonical(link.parent_path(), error).string() + "/";
  if (error) refuse_folder(link, error);
  VIC_CHECK(DataError, !starts_with(here, target), "'", link.string(),
            "' is a link to a folder above it; remove it");
}

void walk(const fs::path& folder, FoundImages& found) {
  for (const fs::directory_entry& entry : entries_of(folder)) {
    std::error_code error;
    const fs::file_status status = entry.status(error);
    const bool link = entry.is_symlink(error);
    if (fs::is_directory(status)) {
      if (link) check_link(entry.path());
      walk(entry.path(), found);
    } else if (!is_image_name(entry.path().string())) {
      ++found.ignored[lower(entry.path().extension().string())];
    } else if (fs::is_regular_file(status) || link) {  // a dead link is named as a bad file
      found.images.push_back(entry.path().string());
    }
  }
}

// Why a class that looks like a known one is none of them, or "".
std::string difference(const std::string& name, const std::vector<std::string>& known) {
  for (const std::string& other : known) {
    if (lower(other) == lower(name)) return " ('" + other + "' has other capitals)";
  }
  return "";
}

}  // namespace

void find_images(const std::string& folder, FoundImages& found) {
  const auto before = static_cast<std::ptrdiff_t>(found.images.size());
  walk(folder, found);
  std::sort(found.images.begin() + before, found.images.end());
}

void log_ignored(const std::string& where, const std::map<std::string, int64_t>& ignored) {
  int64_t total = 0;
  std::vector<std::string> endings;
  for (const auto& [ending, count] : ignored) {
    total += count;
    endings.push_back(ending.empty() ? "no ending" : ending);
  }
  if (total > 0)
    log_info("ignored ", total, total == 1 ? " file" : " files", " ", where, ": ",
             join(endings, ", "));
}

bool is_image_name(const std::string& path) {
  const std::string end = lower(fs::path(path).extension().string());
  return end == ".jpg" || end == ".jpeg" || end == ".png" || end == ".webp";
}

uint64_t bytes_of_file(const std::string& path) {
  std::error_code error;
  const uint64_t bytes = fs::file_size(path, error);
  VIC_CHECK(DataError, !error, "cannot read '", path, "': ", error.message());
  return bytes;
}

const std::vector<std::string>& training_folder_names() {
  static const std::vector<std::string> names = {"train", "training"};
  return names;
}

const std::vector<std::string>& validation_folder_names() {
  static const std::vector<std::string> names = {"val", "valid", "validation", "test", "testing"};
  return names;
}

std::vector<std::string> subfolders(const std::string& root) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : entries_of(root)) {
    std::error_code error;
    if (entry.is_directory(error)) names.push_back(entry.path().filename().string());
  }
  return names;
}

FolderSource::FolderSource(const std::string& root, const std::vector<std::string>& classes)
    : root_(root) {
  const std::vector<std::string> folders = subfolders(root);
  class_names_ = classes.empty() ? folders : classes;
  FoundImages found;
  for (const std::string& folder : folders) {
    const auto at = std::find(class_names_.begin(), class_names_.end(), folder);
    VIC_CHECK(DataError, at != class_names_.end(), "class '", folder, "' of '", root,
              "' is not among the training classes (", join(class_names_, ", "), ")",
              difference(folder, class_names_), "; rename the folder or add training images");
    found.images.clear();
    find_images((fs::path(root) / folder).string(), found);
    for (const std::string& file : found.images) {
      paths_.add(fs::path(file).lexically_relative(root).string());
      labels_.push_back(static_cast<int32_t>(at - class_names_.begin()));
    }
  }
  log_ignored("of the classes in '" + root + "'", found.ignored);
}

Source::Stored FolderSource::stored(int64_t index) const {
  return {read_file(name(index)), 0, 0, 0};
}

Source::Layout FolderSource::layout(int64_t index) const {
  return {bytes_of_file(name(index)), 0, 0, 0};
}

bool FolderSource::looks_whole(int64_t index) const { return vicinity::looks_whole(name(index)); }

}  // namespace vicinity
