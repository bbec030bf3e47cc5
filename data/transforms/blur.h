#pragma once

#include "data/image/image.h"

namespace vicinity {

/// Gaussian blur of standard deviation `radius` pixels as three box filters along each side, whose
/// boxes have fractional ends; pixels beyond the border repeat it. 22 operations a byte where
/// radius <= 2 (Gwosdek et al. 2011, "Theoretical foundations of Gaussian convolution by extended
/// box filtering", sec. 3; Pillow's ImageFilter.GaussianBlur).
void gaussian_blur(Image& image, double radius);

}  // namespace vicinity
