#include "models/weights/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/base/files.h"
#include "models/weights/safetensors_header.h"
#include "models/weights/stored_tensor.h"

namespace vicinity {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // the format's own limit

const char* type_name(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return "F64";
    case DType::f32:
      return "F32";
    case DType::bf16:
      return "BF16";
    case DType::i64:
      return "I64";
    case DType::i32:
      return "I32";
    case DType::u8:
      return "U8";
  }
  VIC_FAIL(InternalError, "unknown dtype");
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path) : WeightFile(path), file_(path) {
  const std::span<const char> bytes = file_.bytes();
  VIC_CHECK(DataError, bytes.size() >= 8, "'", path_, "' is not a safetensors file: it has ",
            bytes.size(), " bytes");
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  VIC_CHECK(DataError, header <= kMaxHeader && header <= bytes.size() - 8, "'", path_,
            "' is damaged: its header claims ", header, " bytes, the file has ", bytes.size() - 8,
            " behind the length");
  data_ = bytes.subspan(8 + header);
  read_safetensors_header(
      {bytes.data() + 8, header}, path_, [&](const DescribedTensor& tensor) { add(tensor); },
      metadata_);
  check_coverage();
}

void SafetensorsFile::add(const DescribedTensor& tensor) {
  const std::vector<uint64_t>&offsets = tensor.offsets, &dims = tensor.shape;
  VIC_CHECK(DataError, offsets.size() == 2 && dims.size() <= Shape::kMaxRank, "'", path_,
            "': tensor '", tensor.name, "' has ", offsets.size(), " offsets and ", dims.size(),
            " axes");
  for (const uint64_t dim : dims) {
    VIC_CHECK(DataError, dim <= uint64_t{1} << 40, "'", path_, "': tensor '", tensor.name,
              "' claims an axis of ", dim);
  }
  const Entry entry{tensor.dtype, Shape(std::vector<int64_t>(dims.begin(), dims.end()))};
  const Range range{offsets[0], offsets[1]};
  check_entry(tensor.name, entry, range);
  entries_[tensor.name] = entry;
  ranges_[tensor.name] = range;
}

void SafetensorsFile::check_entry(const std::string& name, const Entry& entry, Range range) const {
  const uint64_t data_bytes = data_.size();
  uint64_t bytes = item_size(entry.dtype);
  VIC_CHECK(DataError, bytes > 0, "'", path_, "': tensor '", name, "' has the unknown type '",
            entry.dtype, "'");
  VIC_CHECK(DataError, range.begin <= range.end && range.end <= data_bytes, "'", path_,
            "': tensor '", name, "' lies at bytes ", range.begin, " to ", range.end, " of ",
            data_bytes);
  for (const int64_t dim : entry.shape.to_vector()) {
    VIC_CHECK(DataError,
              dim == 0 || bytes <= data_bytes / static_cast<uint64_t>(dim) + 1 || bytes == 0, "'",
              path_, "': tensor '", name, "' of shape ", entry.shape, " is larger than the file");
    bytes *= static_cast<uint64_t>(dim);
  }
  VIC_CHECK(DataError, bytes == range.end - range.begin, "'", path_, "': tensor '", name,
            "' of shape ", entry.shape, " and type ", entry.dtype, " needs ", bytes,
            " bytes, the header gives it ", range.end - range.begin);
}

// Tensors lie end to end: neither overlaps nor bytes that nobody owns, as the format demands.
void SafetensorsFile::check_coverage() const {
  std::vector<std::pair<std::pair<uint64_t, uint64_t>, const std::string*>> order;
  for (const auto& [name, range] : ranges_) order.push_back({{range.begin, range.end}, &name});
  std::sort(order.begin(), order.end());
  uint64_t at = 0;
  for (const auto& [range, name] : order) {
    VIC_CHECK(
        DataError, range.first == at, "'", path_, "': tensor '", *name, "' starts at byte ",
        range.first, ", ",
        range.first < at ? "inside the one before, which ends at " : "but the one before ends at ",
        at);
    at = range.second;
  }
  VIC_CHECK(DataError, at == data_.size(), "'", path_, "': the tensors end at byte ", at, " of ",
            data_.size());
}

Tensor SafetensorsFile::read_entry(const std::string& name) const {
  const Entry& entry = entries_.at(name);
  const Range range = ranges_.at(name);
  const std::span<const char> items = data_.subspan(range.begin, range.end - range.begin);
  const Tensor tensor =
      copy_of({entry.dtype, entry.shape, contiguous_strides(entry.shape), items.data()}, name);
  file_.let_go(items);
  return tensor;
}

std::string safetensors_header(const std::vector<NamedTensor>& tensors) {
  nlohmann::ordered_json header{{"__metadata__", {{"format", "pt"}}}};
  uint64_t at = 0;
  for (const NamedTensor& t : tensors) {
    header[t.name] = {{"dtype", type_name(t.tensor.dtype())},
                      {"shape", t.tensor.shape().to_vector()},
                      {"data_offsets", {at, at + t.tensor.bytes()}}};
    at += t.tensor.bytes();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + text;
}

void write_safetensors(const std::string& path, const std::vector<NamedTensor>& tensors) {
  write_file_atomically(path, [&tensors](FileWriter& file) {
    file.write(safetensors_header(tensors));
    for (const NamedTensor& t : tensors) file.write(t.tensor.raw(), t.tensor.bytes());
  });
}

}  // namespace vicinity
