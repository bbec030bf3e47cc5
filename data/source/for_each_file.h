#pragma once

#include <cstdint>
#include <functional>

namespace vicinity {

/// Runs `work` on 0 .. count-1 by several threads a core, for work that waits for the disk.
/// Rethrows the error of the lowest number that met one.
void for_each_file(int64_t count, const std::function<void(int64_t)>& work);

}  // namespace vicinity
