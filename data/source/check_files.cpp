#include "data/source/check_files.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "core/base/error.h"
#include "core/runtime/cpu.h"

namespace vicinity {
namespace {

constexpr int kProbesPerCore = 4;
constexpr size_t kNamed = 10;

}  // namespace

std::vector<BadImage> find_bad_images(const Source& source, FileCheck check) {
  std::vector<BadImage> bad;
  if (check == FileCheck::none) return bad;
  std::mutex mutex;
  std::atomic<int64_t> next{0};
  const auto work = [&] {
    for (int64_t i = next++; i < source.size(); i = next++) {
      try {
        if (check == FileCheck::decode || !source.looks_whole(i)) source.load(i);
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
  std::sort(bad.begin(), bad.end(),
            [](const BadImage& a, const BadImage& b) { return a.index < b.index; });
  return bad;
}

std::string describe_bad_images(const std::vector<BadImage>& bad, int64_t all,
                                const std::string& where) {
  std::string text = str(bad.size(), " of ", all, " files",
                         where.empty() ? "" : str(" in '", where, "'"), " cannot be used:");
  for (size_t i = 0; i < std::min(bad.size(), kNamed); ++i) text += "\n  " + bad[i].reason;
  if (bad.size() > kNamed) text += str("\n  and ", bad.size() - kNamed, " more");
  return text;
}

std::shared_ptr<Source> without(std::shared_ptr<Source> source, const std::vector<BadImage>& bad) {
  std::vector<int64_t> kept;
  size_t next = 0;
  for (int64_t i = 0; i < source->size(); ++i) {
    if (next < bad.size() && bad[next].index == i) {
      ++next;
    } else {
      kept.push_back(i);
    }
  }
  return std::make_shared<Subset>(std::move(source), std::move(kept));
}

}  // namespace vicinity
