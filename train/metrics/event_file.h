// Scalars as TensorBoard reads them: a TFRecord file of Event messages, written without TensorFlow
// or protobuf.
//
//   record   u64 length, u32 masked crc of these 8 bytes, the message, u32 masked crc of the
//   message;
//            little-endian. masked(c) = rotate_right(c, 15) + 0xa282ead8, c = CRC-32C
//            (TensorFlow, core/lib/io/record_writer.h, core/lib/hash/crc32c.h)
//   message  Event { double wall_time = 1; int64 step = 2; string file_version = 3;
//                    Summary summary = 5; SessionLog session_log = 7; }
//            Summary { repeated Value value = 1; }  Value { string tag = 1; float simple_value = 2;
//            } (TensorFlow, core/util/event.proto, core/framework/summary.proto)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/files.h"
#include "train/metrics_file.h"

namespace vicinity {

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4): reflected polynomial 0x82f63b78.
uint32_t crc32c(std::string_view bytes);

/// One record around a message.
std::string tf_record(std::string_view message);
/// The bytes at the front of `file` that hold whole records of no later moment than `known`.
size_t whole_records(std::string_view file, const KnownUpTo& known);

class EventFile {
 public:
  /// Begins a new events.out.tfevents.* in `directory`. Those that are there lose what is of later
  /// moments; after them the new file begins with SessionLog.START, at which a TensorBoard that is
  /// running drops what it had read of later steps.
  EventFile(const std::string& directory, const KnownUpTo& known);

  /// One event of all scalars, with the time of day. float32, as TensorBoard keeps them.
  void write(int64_t step, const Scalars& scalars);
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::optional<FileWriter> file_;
};

/// Paths of the event files in `directory`, oldest first.
std::vector<std::string> event_files(const std::string& directory);

}  // namespace vicinity
