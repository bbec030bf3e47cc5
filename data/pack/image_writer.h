#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <vector>

#include "data/pack/plan.h"

namespace vicinity {

/// Where the parts of one split begin in the file.
struct PackPlaces {
  uint64_t images = 0, checksums = 0;
};

/// Reads images and writes them and their checksums to their places, by many threads. A note beside
/// the file tells how many are safely there.
class ImageWriter {
 public:
  ImageWriter(const std::vector<PackPlan>& plans, const std::vector<PackPlaces>& places,
              std::string part, std::string progress, std::string id);
  ~ImageWriter();
  ImageWriter(const ImageWriter&) = delete;
  ImageWriter& operator=(const ImageWriter&) = delete;

  /// All stored images from number `done` on, then syncs. Images that cannot be used are returned:
  /// unreadable, changed since they were planned, or damaged (looks_whole, else the decoder).
  std::vector<BadImage> write(int64_t done);

 private:
  struct Place {
    size_t plan;
    int64_t index;  // in its source
  };
  Place place_of(int64_t number) const;
  void work();
  void write_one(int64_t number);
  Source::Stored read(const Place& place) const;
  void watch(int64_t from);
  void note(int64_t done) const;

  const std::vector<PackPlan>& plans_;
  const std::vector<PackPlaces>& places_;
  std::string part_, progress_, id_;
  int file_;
  int64_t total_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t next_ = 0;              // first number that no thread has taken
  std::vector<int64_t> running_;  // first numbers of the chunks in work
  int64_t bytes_ = 0;             // written
  std::exception_ptr error_;
  std::vector<BadImage> bad_;
};

}  // namespace vicinity
