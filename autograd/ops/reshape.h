#pragma once

#include "autograd/variable.h"

namespace vicinity {

/// The same elements under another shape; costs nothing.
Variable reshape(const Variable& x, const Shape& shape);

}  // namespace vicinity
