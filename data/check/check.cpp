#include "data/check/check.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "core/base/error.h"
#include "core/runtime/cpu.h"
#include "data/check/look_hash.h"
#include "data/image/kind.h"
#include "data/image/orientation.h"

namespace vicinity {
namespace {

struct ImageFacts {
  uint64_t content = 0;  // hash of the stored bytes
  LookHash look;
  uint32_t bytes = 0;
  int width = 0, height = 0;
  ImageKind kind;
  bool raw = false, turned = false, bad = false;
};

// FNV-1a over 8 bytes at a time, then over the rest.
uint64_t hash_of(std::string_view bytes) {
  constexpr uint64_t kPrime = 0x100000001B3ull;
  uint64_t hash = 0xCBF29CE484222325ull ^ bytes.size();
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    uint64_t word = 0;
    bytes.copy(reinterpret_cast<char*>(&word), 8);
    hash = (hash ^ word) * kPrime;
    hash ^= hash >> 32;
  }
  for (const char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * kPrime;
  return hash;
}

ImageFacts facts_of(const Source& source, int64_t index) {
  const Source::Stored s = source.stored(index);
  ImageFacts facts;
  facts.bytes = static_cast<uint32_t>(s.bytes.size());
  facts.content = hash_of(s.bytes);
  facts.raw = s.channels > 0;
  if (facts.raw) {
    facts.kind.grey = s.channels == 1;
  } else {
    const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(s.bytes.data()),
                                         s.bytes.size());
    facts.kind = kind_of_image(bytes);
    facts.turned = exif_orientation(bytes) != 1;
  }
  const Image image = source.decode(s, index);
  facts.width = image.width;
  facts.height = image.height;
  facts.look = look_hash(image);
  return facts;
}

// Both splits, one behind the other.
class DataCheck {
 public:
  DataCheck(const DataSets& data, const std::function<void(int64_t)>& progress)
      : data_(data), progress_(progress), train_(data.train->size()) {
    facts_.resize(static_cast<size_t>(train_ + data.val->size()));
    look_at_all();
  }

  SplitFacts split(bool val, int tiny_side) const;
  void find_repeats(DataReport& report) const;

 private:
  const Source& source_of(int64_t i) const { return i < train_ ? *data_.train : *data_.val; }
  int64_t index_of(int64_t i) const { return i < train_ ? i : i - train_; }
  const ImageFacts& at(int64_t i) const { return facts_[static_cast<size_t>(i)]; }
  int32_t label(int64_t i) const { return source_of(i).label(index_of(i)); }
  void look_at_all();
  void look_at_one(int64_t i);
  std::vector<int64_t> groups() const;
  Repeat repeat(int64_t first, int64_t second) const;

  const DataSets& data_;
  const std::function<void(int64_t)>& progress_;
  int64_t train_;
  std::vector<ImageFacts> facts_;
  std::mutex mutex_;
  std::vector<BadImage> bad_;
  int64_t done_ = 0;
};

void DataCheck::look_at_one(int64_t i) {
  std::string reason;
  try {
    facts_[static_cast<size_t>(i)] = facts_of(source_of(i), index_of(i));
  } catch (const Error& error) {
    reason = error.message();
  }
  const std::lock_guard lock(mutex_);
  if (!reason.empty()) {
    facts_[static_cast<size_t>(i)].bad = true;
    bad_.push_back({i, reason});
  }
  progress_(++done_);
}

void DataCheck::look_at_all() {
  std::atomic<int64_t> next{0};
  const auto count = static_cast<int64_t>(facts_.size());
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < available_cores(); ++t) {
      threads.emplace_back([&] {
        for (int64_t i = next++; i < count; i = next++) look_at_one(i);
      });
    }
  }
  std::sort(bad_.begin(), bad_.end(),
            [](const BadImage& a, const BadImage& b) { return a.index < b.index; });
}

Range range_of(std::vector<int64_t>& values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

void count_kind(const ImageFacts& image, SplitFacts& facts) {
  constexpr size_t kRaw = 3;
  ++facts.formats[image.raw ? kRaw : static_cast<size_t>(image.kind.format)];
  facts.grey += image.kind.grey;
  facts.alpha += image.kind.alpha;
  facts.cmyk += image.kind.cmyk;
  facts.wide += image.kind.wide;
  facts.turned += image.turned;
  facts.flat += image.look.flat;
}

SplitFacts DataCheck::split(bool val, int tiny_side) const {
  const int64_t from = val ? train_ : 0, to = val ? static_cast<int64_t>(facts_.size()) : train_;
  SplitFacts facts;
  facts.images = to - from;
  facts.per_class.resize(data_.train->class_names().size());
  for (const BadImage& bad : bad_) {
    if (bad.index >= from && bad.index < to) facts.bad.push_back({bad.index - from, bad.reason});
  }
  std::vector<int64_t> widths, heights, bytes;
  for (int64_t i = from; i < to; ++i) {
    ++facts.per_class[static_cast<size_t>(label(i))];
    const ImageFacts& image = at(i);
    if (image.bad) continue;
    count_kind(image, facts);
    if (std::min(image.width, image.height) < tiny_side) facts.tiny.push_back(i - from);
    widths.push_back(image.width);
    heights.push_back(image.height);
    bytes.push_back(image.bytes);
  }
  facts.width = range_of(widths);
  facts.height = range_of(heights);
  facts.bytes = range_of(bytes);
  return facts;
}

// For each image the first that it repeats, by bytes or by looks; itself where there is none.
std::vector<int64_t> DataCheck::groups() const {
  std::vector<LookHash> looks;
  looks.reserve(facts_.size());
  for (const ImageFacts& image : facts_) {
    looks.push_back(image.look);
    looks.back().flat = image.look.flat || image.bad;
  }
  std::vector<int64_t> first = alike_groups(looks);
  std::unordered_map<uint64_t, int64_t> flat;  // those have only their bytes
  for (size_t i = 0; i < looks.size(); ++i) {
    if (facts_[i].bad || !looks[i].flat) continue;
    first[i] = flat.try_emplace(facts_[i].content, static_cast<int64_t>(i)).first->second;
  }
  return first;
}

Repeat DataCheck::repeat(int64_t first, int64_t second) const {
  const ImageFacts &a = at(first), &b = at(second);
  return {first >= train_,
          second >= train_,
          index_of(first),
          index_of(second),
          a.content == b.content && a.bytes == b.bytes,
          distance(a.look, b.look)};
}

void DataCheck::find_repeats(DataReport& report) const {
  const std::vector<int64_t> group = groups();
  std::unordered_map<int64_t, std::vector<int64_t>> members;  // training images of larger groups
  for (int64_t i = 0; i < train_; ++i) {
    const int64_t first = group[static_cast<size_t>(i)];
    if (first != i) members.try_emplace(first, 1, first).first->second.push_back(i);
  }
  const auto note = [&](std::vector<Repeat>& list, int64_t first, int64_t second) {
    list.push_back(repeat(first, second));
    if (label(first) != label(second)) report.two_classes.push_back(list.back());
  };
  // Among the images of a group, one with the same bytes, else the nearest; the first 64 are tried.
  const auto best = [&](int64_t first, int64_t i) {
    const auto found = members.find(first);
    if (found == members.end()) return first;
    int64_t result = first;
    int least = 1 << 30;
    for (size_t m = 0; m < std::min<size_t>(found->second.size(), 64); ++m) {
      const int64_t j = found->second[m];
      if (j >= i) break;
      const int far = at(j).content == at(i).content ? -1 : distance(at(j).look, at(i).look);
      if (far < least) {
        least = far;
        result = j;
      }
    }
    return result;
  };
  for (int64_t i = 0; i < static_cast<int64_t>(facts_.size()); ++i) {
    const int64_t first = group[static_cast<size_t>(i)];
    if (first == i) continue;
    auto& list = i < train_       ? report.within_train
                 : first < train_ ? report.leaks
                                  : report.within_val;
    note(list, first < train_ ? best(first, i) : first, i);
  }
}

}  // namespace

DataReport check_data(const DataSets& data, int tiny_side,
                      const std::function<void(int64_t)>& progress) {
  const DataCheck check(data, progress);
  DataReport report;
  report.train = check.split(false, tiny_side);
  report.val = check.split(true, tiny_side);
  check.find_repeats(report);
  return report;
}

}  // namespace vicinity
