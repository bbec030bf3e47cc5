// The weights of a resize along one side, in Pillow's fixed point.
#pragma once

#include "data/image/resize.h"
#include "data/image/resize_rows.h"

namespace vicinity {

/// One side of a resize: `in` pixels become `out`, of which `count` from `first` on are wanted.
struct Axis {
  int in, out, first, count;
};

/// Weights of the inputs for each wanted output: the filter, stretched by in / out where that is
/// above 1, around (o + 0.5) in / out, cut at the borders and divided by its sum; all in double,
/// then rounded to 22 bits. Not for `nearest`.
Taps make_taps(const Axis& axis, Interpolation interpolation);
/// Outputs from right to left.
void mirror(Taps& taps);
/// `nearest`: the input below the centre of each wanted output; the centres are summed up from the
/// first output on as Pillow does.
std::vector<int> nearest_inputs(const Axis& axis);

}  // namespace vicinity
