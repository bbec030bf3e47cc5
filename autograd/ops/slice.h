#pragma once

#include "autograd/variable.h"

namespace vicinity {

/// Rows [begin, end) of the first axis. Meant for small tables: the gradient of the rest is written
/// as zeros.
Variable slice(const Variable& x, int64_t begin, int64_t end);

}  // namespace vicinity
