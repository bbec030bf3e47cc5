#include "data/source/folder.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/runtime/cpu.h"
#include "data/image/decode.h"
#include "data/image/probe.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

constexpr int kProbesPerCore = 4;

bool is_image_name(const fs::path& path) {
  const std::string end = lower(path.extension().string());
  return end == ".jpg" || end == ".jpeg" || end == ".png" || end == ".webp";
}

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Paths below `root`, sorted.
std::vector<std::string> images_below(const fs::path& root, const std::string& folder) {
  std::vector<std::string> files;
  for (auto it = fs::recursive_directory_iterator(root / folder,
                                                  fs::directory_options::follow_directory_symlink);
       it != fs::recursive_directory_iterator(); ++it) {
    const bool hidden = it->path().filename().string()[0] == '.';
    if (hidden && it->is_directory()) it.disable_recursion_pending();
    if (!hidden && it->is_regular_file() && is_image_name(it->path()))
      files.push_back(it->path().lexically_relative(root).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::vector<std::string> subfolders(const std::string& root) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(root)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name[0] != '.') names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

FolderSource::FolderSource(const std::string& root, const std::vector<std::string>& classes)
    : root_(root) {
  const std::vector<std::string> folders = subfolders(root);
  class_names_ = classes.empty() ? folders : classes;
  for (const std::string& folder : folders) {
    const auto at = std::find(class_names_.begin(), class_names_.end(), folder);
    VIC_CHECK(DataError, at != class_names_.end(), "class '", folder, "' of '", root,
              "' is not among the training classes (", join(class_names_, ", "),
              "); rename the folder or add training images");
    for (const std::string& file : images_below(root, folder)) {
      files_.push_back({file, static_cast<int32_t>(at - class_names_.begin())});
    }
  }
}

Image FolderSource::load(int64_t index) const {
  const std::string path = name(index);
  return decode_image(bytes_of(read_file(path)), path);
}

Source::Stored FolderSource::stored(int64_t index) const {
  return {read_file(name(index)), 0, 0, 0};
}

std::vector<FolderSource::Bad> FolderSource::find_bad_files(FileCheck check) const {
  std::vector<Bad> bad;
  std::mutex mutex;
  std::atomic<int64_t> next{0};
  const auto work = [&] {
    for (int64_t i = next++; i < size(); i = next++) {
      try {
        if (check == FileCheck::decode || !looks_whole(name(i))) load(i);
      } catch (const Error& error) {
        const std::lock_guard lock(mutex);
        bad.push_back({i, error.message()});
      }
    }
  };
  // Reading the ends of files waits for the disk, not for the cores.
  const int count = available_cores() * (check == FileCheck::ends ? kProbesPerCore : 1);
  std::vector<std::jthread> threads;
  for (int t = 0; t < count; ++t) threads.emplace_back(work);
  threads.clear();
  std::sort(bad.begin(), bad.end(), [](const Bad& a, const Bad& b) { return a.index < b.index; });
  return bad;
}

}  // namespace vicinity
