#include "data/check/look_hash.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "core/runtime/cpu.h"
#include "data/image/resize.h"

namespace vicinity {
namespace {

constexpr int kSide = 9, kPieces = 8, kPieceBits = 16;
constexpr int kLeastContrast = 8;  // grey levels between the darkest and the brightest of 81 pixels

uint16_t piece(const LookHash& hash, int number) {
  return static_cast<uint16_t>(hash.bits[static_cast<size_t>(number / 4)] >>
                               (kPieceBits * (number % 4)));
}

// Sets with their least member as name.
class Groups {
 public:
  explicit Groups(size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), int64_t{0});
  }
  int64_t first_of(int64_t i) {
    int64_t root = i;
    while (parent_[static_cast<size_t>(root)] != root) root = parent_[static_cast<size_t>(root)];
    while (parent_[static_cast<size_t>(i)] != root)
      i = std::exchange(parent_[static_cast<size_t>(i)], root);
    return root;
  }
  void join(int64_t a, int64_t b) {
    a = first_of(a);
    b = first_of(b);
    parent_[static_cast<size_t>(std::max(a, b))] = std::min(a, b);
  }

 private:
  std::vector<int64_t> parent_;
};

// One picture of each hash that is not flat, sorted by hash; the others join their like at once.
std::vector<int64_t> distinct(std::span<const LookHash> hashes, Groups& groups) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < hashes.size(); ++i) {
    if (!hashes[i].flat) order.push_back(static_cast<int64_t>(i));
  }
  const auto at = [&](int64_t i) -> const LookHash& { return hashes[static_cast<size_t>(i)]; };
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return at(a).bits != at(b).bits ? at(a).bits < at(b).bits : a < b;
  });
  std::vector<int64_t> kept;
  for (const int64_t i : order) {
    if (!kept.empty() && at(kept.back()) == at(i)) {
      groups.join(kept.back(), i);
    } else {
      kept.push_back(i);
    }
  }
  return kept;
}

// Pairs that agree in one piece of the hash.
void join_by_piece(int number, std::span<const LookHash> hashes, const std::vector<int64_t>& kept,
                   Groups& groups, std::mutex& mutex) {
  std::vector<size_t> begin((size_t{1} << kPieceBits) + 1);
  for (const int64_t i : kept) ++begin[piece(hashes[static_cast<size_t>(i)], number) + size_t{1}];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<int64_t> sorted(kept.size());
  std::vector<LookHash> near(kept.size());  // side by side in memory
  std::vector<size_t> next(begin.begin(), begin.end() - 1);
  for (const int64_t i : kept) {
    const LookHash& hash = hashes[static_cast<size_t>(i)];
    const size_t to = next[piece(hash, number)]++;
    sorted[to] = i;
    near[to] = hash;
  }
  for (size_t bucket = 0; bucket + 1 < begin.size(); ++bucket) {
    for (size_t a = begin[bucket]; a < begin[bucket + 1]; ++a) {
      for (size_t b = a + 1; b < begin[bucket + 1]; ++b) {
        if (distance(near[a], near[b]) > kAlike) continue;
        const std::lock_guard lock(mutex);
        groups.join(sorted[a], sorted[b]);
      }
    }
  }
}

}  // namespace

LookHash look_hash(const Image& image) {
  const Image small =
      resize(image, whole_box(image.width, image.height), kSide, kSide, Interpolation::bilinear);
  std::array<std::array<int, kSide>, kSide> grey{};
  int least = 255, most = 0;
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const uint8_t* p = small.row(y) + 3 * x;
      const int value = (299 * p[0] + 587 * p[1] + 114 * p[2]) / 1000;
      grey[static_cast<size_t>(y)][static_cast<size_t>(x)] = value;
      least = std::min(least, value);
      most = std::max(most, value);
    }
  }
  LookHash hash;
  hash.flat = most - least < kLeastContrast;
  for (size_t y = 0; y + 1 < kSide; ++y) {
    for (size_t x = 0; x + 1 < kSide; ++x) {
      hash.bits[0] = hash.bits[0] << 1 | uint64_t{grey[y][x] < grey[y][x + 1]};
      hash.bits[1] = hash.bits[1] << 1 | uint64_t{grey[y][x] < grey[y + 1][x]};
    }
  }
  return hash;
}

std::vector<int64_t> alike_groups(std::span<const LookHash> hashes) {
  Groups groups(hashes.size());
  const std::vector<int64_t> kept = distinct(hashes, groups);
  std::mutex mutex;
  std::atomic<int> next{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < std::min(kPieces, available_cores()); ++t) {
      threads.emplace_back([&] {
        for (int number = next++; number < kPieces; number = next++)
          join_by_piece(number, hashes, kept, groups, mutex);
      });
    }
  }
  std::vector<int64_t> first(hashes.size());
  for (size_t i = 0; i < first.size(); ++i) first[i] = groups.first_of(static_cast<int64_t>(i));
  return first;
}

}  // namespace vicinity
