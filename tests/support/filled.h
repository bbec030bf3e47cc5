// Large random inputs, quickly.
#pragma once

#include "core/ops/random_fill.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

/// Standard normal values, a function of `stream`.
inline Tensor filled(const Shape& shape, DType dtype, uint64_t stream) {
  Tensor x = empty(shape, dtype);
  normal_(x, 1, {3, Purpose::test, stream});
  return x;
}

}  // namespace vicinity::testing
