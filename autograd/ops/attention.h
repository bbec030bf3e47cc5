#pragma once

#include "autograd/variable.h"

namespace vicinity {

/// core/ops/attention.h, differentiable. Keeps qkv.
Variable attention(const Variable& qkv, int64_t heads);

}  // namespace vicinity
