// The emulated device, for tests that change it.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace vicinity::simt {

struct Device {
  std::string why_unavailable;
  size_t memory = size_t{4} << 30;  // bytes it claims to have
  size_t used = 0;
  std::map<void*, size_t> blocks;  // handed out
};
Device& device();

}  // namespace vicinity::simt
