// Where tensors of the plan device would lie.
#pragma once

#include <cstddef>

namespace vicinity {

/// Tensors of the plan device have addresses on paper, handed out as the CPU's allocator hands out
/// memory. The end of the highest that was in use since the last reset: what such work touches,
/// gaps between tensors included.
size_t plan_extent();
void reset_plan_extent();

}  // namespace vicinity
