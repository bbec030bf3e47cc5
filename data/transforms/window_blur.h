#pragma once

#include "data/image/image.h"

namespace vicinity {

/// Gaussian blur by a window of `side` x `side` pixels, odd: weights exp(-(x / deviation)^2 / 2),
/// normalised to a sum of 1; beyond the border the picture is reflected, its border row not
/// repeated; to nearest, halves to even. What torchvision's GaussianBlur of a PIL image does, whose
/// single-precision sum of side^2 products may differ by one level where it is within rounding of a
/// half. 2 side products a byte. ShapeError unless each side of the picture is more than side / 2
/// pixels.
void window_blur(Image& image, int side, double deviation);

}  // namespace vicinity
