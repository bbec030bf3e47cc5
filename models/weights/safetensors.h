// The safetensors format: 8 bytes of header length, a JSON header, raw little-endian tensors.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "models/parameter_store.h"

namespace vicinity {

/// A file opened for reading; tensors are read when asked for. Every offset and length of the
/// header is checked against the file first: DataError names the file, the tensor and both values.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(std::string path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  struct Entry {
    std::string dtype;  // as written: F64, F32, BF16, F16, I64, I32, U8, ...
    Shape shape;
    uint64_t begin = 0;
    uint64_t end = 0;
  };

  const std::string& path() const { return path_; }
  const std::map<std::string, Entry>& entries() const { return entries_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  bool has(const std::string& name) const { return entries_.contains(name); }
  /// F16 becomes f32; other supported types stay. DataError if absent or of a type that tensors do
  /// not have.
  Tensor read(const std::string& name) const;

 private:
  void parse_header(const std::string& text, uint64_t data_bytes);
  void check_entry(const std::string& name, const Entry& entry, uint64_t data_bytes) const;
  void check_coverage(uint64_t data_bytes) const;

  std::string path_;
  int file_ = -1;
  uint64_t data_at_ = 0;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

/// Writes float and integer tensors with {"format": "pt"}, as transformers wants it; synced to
/// disk, whole or not at all.
void write_safetensors(const std::string& path, const std::vector<NamedTensor>& tensors);

}  // namespace vicinity
