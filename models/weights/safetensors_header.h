// The JSON in front of safetensors' bytes, read as it comes: no tree of it is built, which for a
// hostile header would take many times the file's memory.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vicinity {

/// A tensor as the header has it, nothing of which was compared with the file yet.
struct DescribedTensor {
  std::string name, dtype;
  std::vector<uint64_t> shape, offsets;
};

/// Hands over each tensor of a header once, in its order, and fills `metadata`. Time grows with the
/// text, memory with one tensor. Unknown fields of a tensor are passed over, as the format's own
/// reader does. DataError names `path`, and the tensor where it is one's: JSON that does not parse,
/// a name or field that comes twice, a field that is absent or of another kind.
void read_safetensors_header(std::string_view text, const std::string& path,
                             const std::function<void(const DescribedTensor&)>& take,
                             std::map<std::string, std::string>& metadata);

}  // namespace vicinity
