// By what kept features are known again.
#pragma once

#include <string>

#include "train/probe/features.h"

namespace vicinity {

/// A checksum, in hexadecimal digits, of all that features depend on: the weights but the
/// classifier's, the architecture, the transform, the images' names and labels and the sizes and
/// times of their files, the precision, the batch and the device. Reads no image.
std::string feature_identity(const Model& model, const Source& source,
                             const FeatureSettings& settings);

}  // namespace vicinity
