#pragma once

#include "autograd/variable.h"

namespace vicinity {

/// core/ops/token_pool.h, differentiable. Keeps nothing.
Variable token_pool(const Variable& x, int64_t first, bool with_cls);

}  // namespace vicinity
