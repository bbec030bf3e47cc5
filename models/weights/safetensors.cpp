#include "models/weights/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/base/files.h"

namespace vicinity {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // the format's own limit

const std::map<std::string, uint64_t>& item_sizes() {
  static const std::map<std::string, uint64_t> sizes = {
      {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8},
      {"I32", 4}, {"I16", 2}, {"I8", 1},  {"U8", 1},   {"BOOL", 1}};
  return sizes;
}

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

float from_half(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16, exponent = (h >> 10) & 31u,
                 mantissa = h & 1023u;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float tiny = static_cast<float>(mantissa) * 0x1p-24f;
  return sign != 0 ? -tiny : tiny;
}

void read_at(int file, void* to, uint64_t bytes, uint64_t offset, const std::string& path) {
  char* at = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t done = pread(file, at, bytes, static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    VIC_CHECK(DataError, done > 0, "cannot read '", path, "' at byte ", offset, ": ",
              done < 0 ? std::strerror(errno) : "the file ends there");
    at += done;
    offset += static_cast<uint64_t>(done);
    bytes -= static_cast<uint64_t>(done);
  }
}

std::vector<uint64_t> whole_numbers(const nlohmann::json& list, const std::string& path,
                                    const std::string& name) {
  std::vector<uint64_t> numbers;
  for (const nlohmann::json& item : list) {
    VIC_CHECK(DataError, item.is_number_unsigned(), "'", path, "': tensor '", name, "' has ",
              item.dump(), " among its offsets and axes, not a whole number");
    numbers.push_back(item.get<uint64_t>());
  }
  return numbers;
}

}  // namespace

SafetensorsFile::SafetensorsFile(std::string path) : path_(std::move(path)) {
  file_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  VIC_CHECK(DataError, file_ >= 0, "cannot open '", path_, "': ", std::strerror(errno));
  try {
    struct stat status {};
    VIC_CHECK(DataError, fstat(file_, &status) == 0 && S_ISREG(status.st_mode), "'", path_,
              "' is not a file");
    const auto size = static_cast<uint64_t>(status.st_size);
    VIC_CHECK(DataError, size >= 8, "'", path_, "' is not a safetensors file: it has ", size,
              " bytes");
    uint64_t header = 0;
    read_at(file_, &header, 8, 0, path_);
    VIC_CHECK(DataError, header <= kMaxHeader && header <= size - 8, "'", path_,
              "' is damaged: its header claims ", header, " bytes, the file has ", size - 8,
              " behind the length");
    std::string text(header, '\0');
    read_at(file_, text.data(), header, 8, path_);
    data_at_ = 8 + header;
    parse_header(text, size - data_at_);
    check_coverage(size - data_at_);
  } catch (...) {
    close(file_);
    throw;
  }
}

SafetensorsFile::~SafetensorsFile() { close(file_); }

void SafetensorsFile::parse_header(const std::string& text, uint64_t data_bytes) {
  std::vector<std::string> seen;
  const auto note_key = [&](int depth, nlohmann::json::parse_event_t event,
                            nlohmann::json& parsed) {
    if (depth == 1 && event == nlohmann::json::parse_event_t::key)
      seen.push_back(parsed.get<std::string>());
    return true;
  };
  try {
    const nlohmann::json header = nlohmann::json::parse(text, note_key);
    VIC_CHECK(DataError, header.is_object(), "'", path_,
              "' is damaged: its header is not a JSON object");
    std::sort(seen.begin(), seen.end());
    const auto twice = std::adjacent_find(seen.begin(), seen.end());
    VIC_CHECK(DataError, twice == seen.end(), "'", path_, "' names '", *twice, "' twice");
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__") {
        metadata_ = value.get<std::map<std::string, std::string>>();
        continue;
      }
      const auto offsets = whole_numbers(value.at("data_offsets"), path_, name);
      const auto dims = whole_numbers(value.at("shape"), path_, name);
      VIC_CHECK(DataError, offsets.size() == 2 && dims.size() <= Shape::kMaxRank, "'", path_,
                "': tensor '", name, "' has ", offsets.size(), " offsets and ", dims.size(),
                " axes");
      for (const uint64_t dim : dims) {
        VIC_CHECK(DataError, dim <= uint64_t{1} << 40, "'", path_, "': tensor '", name,
                  "' claims an axis of ", dim);
      }
      const Shape shape(std::vector<int64_t>(dims.begin(), dims.end()));
      const Entry entry{value.at("dtype"), shape, offsets[0], offsets[1]};
      check_entry(name, entry, data_bytes);
      entries_[name] = entry;
    }
  } catch (const nlohmann::json::exception& error) {
    VIC_FAIL(DataError, "'", path_, "' is damaged: its header does not parse: ", error.what());
  }
}

void SafetensorsFile::check_entry(const std::string& name, const Entry& entry,
                                  uint64_t data_bytes) const {
  const auto size = item_sizes().find(entry.dtype);
  VIC_CHECK(DataError, size != item_sizes().end(), "'", path_, "': tensor '", name,
            "' has the unknown type '", entry.dtype, "'");
  VIC_CHECK(DataError, entry.begin <= entry.end && entry.end <= data_bytes, "'", path_,
            "': tensor '", name, "' lies at bytes ", entry.begin, " to ", entry.end, " of ",
            data_bytes);
  uint64_t bytes = size->second;
  for (const int64_t dim : entry.shape.to_vector()) {
    VIC_CHECK(DataError,
              dim == 0 || bytes <= data_bytes / static_cast<uint64_t>(dim) + 1 || bytes == 0, "'",
              path_, "': tensor '", name, "' of shape ", entry.shape, " is larger than the file");
    bytes *= static_cast<uint64_t>(dim);
  }
  VIC_CHECK(DataError, bytes == entry.end - entry.begin, "'", path_, "': tensor '", name,
            "' of shape ", entry.shape, " and type ", entry.dtype, " needs ", bytes,
            " bytes, the header gives it ", entry.end - entry.begin);
}

// Tensors lie end to end: neither overlaps nor bytes that nobody owns, as the format demands.
void SafetensorsFile::check_coverage(uint64_t data_bytes) const {
  std::vector<std::pair<std::pair<uint64_t, uint64_t>, const std::string*>> order;
  for (const auto& [name, entry] : entries_) order.push_back({{entry.begin, entry.end}, &name});
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
  VIC_CHECK(DataError, at == data_bytes, "'", path_, "': the tensors end at byte ", at, " of ",
            data_bytes);
}

Tensor SafetensorsFile::read(const std::string& name) const {
  const auto found = entries_.find(name);
  VIC_CHECK(DataError, found != entries_.end(), "'", path_, "' has no tensor '", name, "'");
  const Entry& entry = found->second;
  static const std::map<std::string, DType> types = {{"F64", DType::f64},   {"F32", DType::f32},
                                                     {"BF16", DType::bf16}, {"I64", DType::i64},
                                                     {"I32", DType::i32},   {"U8", DType::u8}};
  const auto type = types.find(entry.dtype);
  if (type != types.end()) {
    const Tensor tensor(entry.shape, type->second, kCpu);
    read_at(file_, tensor.raw(), entry.end - entry.begin, data_at_ + entry.begin, path_);
    return tensor;
  }
  VIC_CHECK(DataError, entry.dtype == "F16", "'", path_, "': tensor '", name, "' has type ",
            entry.dtype, ", which is not read");
  std::vector<uint16_t> halves(static_cast<size_t>(entry.shape.size()));
  read_at(file_, halves.data(), halves.size() * 2, data_at_ + entry.begin, path_);
  Tensor tensor(entry.shape, DType::f32, kCpu);
  std::transform(halves.begin(), halves.end(), tensor.data<float>(), from_half);
  return tensor;
}

void write_safetensors(const std::string& path, const std::vector<NamedTensor>& tensors) {
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
  const std::string temporary = path + ".tmp";
  {
    FileWriter file(temporary);
    file.write(&length, 8);
    file.write(text);
    for (const NamedTensor& t : tensors) file.write(t.tensor.raw(), t.tensor.bytes());
    file.finish();
  }
  rename_durably(temporary, path);
}

}  // namespace vicinity
