// The safetensors format: 8 bytes of header length, a JSON header, raw little-endian tensors.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "models/parameter_store.h"
#include "models/weights/mapped_file.h"
#include "models/weights/weight_file.h"

namespace vicinity {

struct DescribedTensor;

/// A file opened for reading. Every offset and length of the header is checked against the file
/// first, tensors lie end to end: DataError names the file, the tensor and both values.
class SafetensorsFile : public WeightFile {
 public:
  explicit SafetensorsFile(const std::string& path);

 private:
  struct Range {
    uint64_t begin = 0, end = 0;  // bytes behind the header
  };

  Tensor read_entry(const std::string& name) const override;
  void add(const DescribedTensor& tensor);
  void check_entry(const std::string& name, const Entry& entry, Range range) const;
  void check_coverage() const;

  MappedFile file_;
  std::span<const char> data_;  // what follows the header
  std::map<std::string, Range> ranges_;
};

/// What stands before the bytes of the tensors, which follow in their order, end to end.
std::string safetensors_header(const std::vector<NamedTensor>& tensors);
/// Writes float and integer tensors with {"format": "pt"}, as transformers wants it; synced to
/// disk, whole or not at all.
void write_safetensors(const std::string& path, const std::vector<NamedTensor>& tensors);

}  // namespace vicinity
