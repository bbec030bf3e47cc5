// Sums over many rows, part by part: blocks leave partial sums, a second kernel adds them in order.
#pragma once

#include <array>

#include "core/cuda/dev.h"

namespace vicinity::kernels {

/// At most so many partial sums (two blocks on each of an H100's multiprocessors): a constant, so
/// that results do not depend on the device.
constexpr int64_t kMostParts = 264;

/// totals[a][c] = sum over p of partials[p, a, c], always in the same order. partials: f32 [parts,
/// arrays, columns]; totals that are null are left out.
void add_partials(Cuda& cuda, const Tensor& partials, const std::array<float*, 3>& totals);

}  // namespace vicinity::kernels
