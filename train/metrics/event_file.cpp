#include "train/metrics/event_file.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "events.out.tfevents.";
constexpr size_t kHeader = 12, kFooter = 4;  // of a record
enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc % 2 == 1 ? 0x82f63b78u : 0u);
    table[byte] = crc;
  }
  return table;
}

uint32_t masked(uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8u; }

static_assert(std::endian::native == std::endian::little);
template <class T>
std::string fixed(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
template <class T>
T read_fixed(std::string_view bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string tag(int field, WireType type) {
  return varint(static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(type));
}
std::string bytes_field(int field, const std::string& bytes) {
  return tag(field, kBytes) + varint(bytes.size()) + bytes;
}

// Every event of ours begins with the nine bytes of wall_time, then the step.
std::string event(int64_t step, const std::string& rest) {
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return tag(1, kFixed64) + fixed(now) + tag(2, kVarint) + varint(static_cast<uint64_t>(step)) +
         rest;
}

int64_t step_of(std::string_view message) {
  uint64_t step = 0;
  if (message.size() < 11 || message[9] != tag(2, kVarint)[0]) return 0;
  for (size_t i = 10, shift = 0; i < message.size() && shift < 64; ++i, shift += 7) {
    step |= static_cast<uint64_t>(message[i] & 0x7f) << shift;
    if ((message[i] & 0x80) == 0) break;
  }
  return static_cast<int64_t>(step);
}

bool is_later(std::string_view message, const KnownUpTo& known) {
  const int64_t step = step_of(message);
  const bool evaluation = message.find("val/") != std::string_view::npos ||
                          message.find("time/eval_s") != std::string_view::npos;
  return step > known.step || (step == known.step && !known.evaluated && evaluation);
}

void cut_back(const std::string& path, const KnownUpTo& known) {
  const std::string bytes = read_file(path);
  const size_t kept = whole_records(bytes, known);
  if (kept < bytes.size()) resize_file(path, kept);
}

// Sorts behind those that are there, as TensorBoard reads them.
std::string new_name(const std::vector<std::string>& before) {
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
                     std::chrono::system_clock::now().time_since_epoch())
                     .count();
  for (const std::string& path : before) {
    const std::string name = fs::path(path).filename().string().substr(std::strlen(kPrefix));
    seconds = std::max<decltype(seconds)>(seconds, std::atoll(name.c_str()) + 1);
  }
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return str(kPrefix, seconds, ".", host.data(), ".", getpid());
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static const std::array<uint32_t, 256> table = make_crc_table();
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  return ~crc;
}

std::string tf_record(std::string_view message) {
  const std::string length = fixed<uint64_t>(message.size());
  return length + fixed(masked(crc32c(length))) + std::string(message) +
         fixed(masked(crc32c(message)));
}

size_t whole_records(std::string_view file, const KnownUpTo& known) {
  size_t at = 0;
  while (file.size() - at >= kHeader + kFooter) {
    const std::string_view rest = file.substr(at);
    const auto length = read_fixed<uint64_t>(rest);
    if (read_fixed<uint32_t>(rest.substr(8)) != masked(crc32c(rest.substr(0, 8))) ||
        length > rest.size() - kHeader - kFooter)
      break;
    const std::string_view message = rest.substr(kHeader, length);
    if (read_fixed<uint32_t>(rest.substr(kHeader + length)) != masked(crc32c(message)) ||
        is_later(message, known))
      break;
    at += kHeader + length + kFooter;
  }
  return at;
}

std::vector<std::string> event_files(const std::string& directory) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (starts_with(entry.path().filename().string(), kPrefix))
      paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

EventFile::EventFile(const std::string& directory, const KnownUpTo& known) {
  const std::vector<std::string> before = event_files(directory);
  for (const std::string& path : before) cut_back(path, known);
  path_ = directory + "/" + new_name(before);
  file_.emplace(path_, FileWriter::Mode::append);
  file_->write(tf_record(event(0, bytes_field(3, "brain.Event:2"))));
  if (!before.empty()) {
    const std::string start = tag(1, kVarint) + varint(1);
    file_->write(tf_record(event(known.step + 1, bytes_field(7, start))));
  }
}

void EventFile::write(int64_t step, const Scalars& scalars) {
  std::string summary;
  for (const auto& [name, value] : scalars) {
    summary +=
        bytes_field(1, bytes_field(1, name) + tag(2, kFixed32) + fixed(static_cast<float>(value)));
  }
  file_->write(tf_record(event(step, bytes_field(5, summary))));
}

}  // namespace vicinity
