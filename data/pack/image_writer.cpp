#include "data/pack/image_writer.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/runtime/cpu.h"
#include "data/image/probe.h"

namespace vicinity {
namespace {

constexpr int64_t kChunk = 64;        // neighbours that one thread reads, in their order
constexpr int64_t kNoteEvery = 4096;  // images between two notes of what is safe
constexpr int kThreadsPerCore = 4;    // most of the time they wait for the disk
constexpr double kSecondsBetweenLines = 30;

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

ImageWriter::ImageWriter(const std::vector<PackPlan>& plans, const std::vector<PackPlaces>& places,
                         std::string part, std::string progress, std::string id)
    : plans_(plans),
      places_(places),
      part_(std::move(part)),
      progress_(std::move(progress)),
      id_(std::move(id)),
      file_(open(part_.c_str(), O_WRONLY | O_CLOEXEC)) {
  VIC_CHECK(IoError, file_ >= 0, "cannot open '", part_, "': ", std::strerror(errno));
  for (const PackPlan& plan : plans_) total_ += static_cast<int64_t>(plan.owners.size());
}

ImageWriter::~ImageWriter() { close(file_); }

ImageWriter::Place ImageWriter::place_of(int64_t number) const {
  size_t p = 0;
  while (number >= static_cast<int64_t>(plans_[p].owners.size()))
    number -= static_cast<int64_t>(plans_[p++].owners.size());
  return {p, plans_[p].owners[static_cast<size_t>(number)]};
}

Source::Stored ImageWriter::read(const Place& place) const {
  const PackPlan& plan = plans_[place.plan];
  Source::Stored s = plan.source->stored(place.index);
  const uint32_t planned = plan.sizes[static_cast<size_t>(place.index)];
  VIC_CHECK(DataError, s.bytes.size() == planned, "'", plan.source->name(place.index), "' had ",
            planned, " bytes and now has ", s.bytes.size());
  if (s.channels == 0 && !looks_whole_in_memory(s.bytes)) plan.source->decode(s, place.index);
  return s;
}

void ImageWriter::write_one(int64_t number) {
  const Place place = place_of(number);
  Source::Stored s;
  try {
    s = read(place);
  } catch (const Error& error) {
    const std::lock_guard lock(mutex_);
    bad_.push_back({number, error.message()});
    return;
  }
  const auto i = static_cast<size_t>(place.index);
  const auto sum = static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(s.bytes.data()), s.bytes.size()));
  const auto offset = static_cast<uint64_t>(plans_[place.plan].offsets[i]);
  write_at(file_, s.bytes, places_[place.plan].images + offset, part_);
  write_at(file_, {reinterpret_cast<const char*>(&sum), sizeof sum},
           places_[place.plan].checksums + i * sizeof sum, part_);
  const std::lock_guard lock(mutex_);
  bytes_ += static_cast<int64_t>(s.bytes.size());
}

void ImageWriter::work() {
  std::unique_lock lock(mutex_);
  while (next_ < total_ && !error_) {
    const int64_t from = next_, to = std::min(total_, from + kChunk);
    next_ = to;
    running_.push_back(from);
    lock.unlock();
    std::exception_ptr error;
    try {
      for (int64_t number = from; number < to; ++number) write_one(number);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error && !error_) error_ = error;
    if (!error) running_.erase(std::find(running_.begin(), running_.end(), from));
    changed_.notify_all();
  }
}

// Tells how many images, from the first on, are on the disk.
void ImageWriter::note(int64_t done) const {
  VIC_CHECK(IoError, fdatasync(file_) == 0, "cannot sync '", part_, "': ", std::strerror(errno));
  write_file_atomically(progress_, id_ + std::to_string(done));
}

void ImageWriter::watch(int64_t from) {
  const auto start = Clock::now();
  auto last_line = start;
  int64_t noted = from;
  std::unique_lock lock(mutex_);
  const auto finished = [&] { return error_ || (running_.empty() && next_ == total_); };
  while (!changed_.wait_for(lock, std::chrono::milliseconds(500), finished)) {
    const int64_t done =
        running_.empty() ? next_ : *std::min_element(running_.begin(), running_.end());
    const auto bytes = static_cast<double>(bytes_);
    lock.unlock();
    const double seconds = since(start);
    const double left = static_cast<double>(total_ - done) /
                        std::max(1.0, static_cast<double>(done - from)) * seconds;
    const std::string line =
        str("packed ", format_count(done), " of ", format_count(total_), " images, ",
            format_bytes(bytes / seconds), "/s, eta ", format_seconds(left));
    log_progress(line);
    if (since(last_line) > kSecondsBetweenLines) {
      log_info(line);
      last_line = Clock::now();
    }
    if (done - noted >= kNoteEvery) {
      note(done);
      noted = done;
    }
    lock.lock();
  }
}

std::vector<BadImage> ImageWriter::write(int64_t done) {
  next_ = done;
  {
    std::vector<std::jthread> threads;
    const int64_t most = int64_t{available_cores()} * kThreadsPerCore;
    const int64_t chunks = (total_ - done + kChunk - 1) / kChunk;
    for (int64_t t = 0; t < std::min(most, chunks); ++t) threads.emplace_back([this] { work(); });
    try {
      watch(done);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }
  log_progress("");
  if (error_) std::rethrow_exception(error_);
  VIC_CHECK(IoError, fsync(file_) == 0, "cannot sync '", part_, "': ", std::strerror(errno));
  std::sort(bad_.begin(), bad_.end(),
            [](const BadImage& a, const BadImage& b) { return a.index < b.index; });
  return bad_;
}

}  // namespace vicinity
