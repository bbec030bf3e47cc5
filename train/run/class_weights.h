// train.class_weights: from the setting and the training images to the loss.
#pragma once

#include <string>
#include <vector>

#include "core/tensor/tensor.h"
#include "data/source/source.h"

namespace vicinity {

/// f32 [classes] on the device; absent where the setting is empty. balanced: images / (classes *
/// images of the class), which has mean 1 over the images; a class without images counts as having
/// one. ConfigError where numbers are missing, negative or all zero.
Tensor class_weights_of(const std::vector<std::string>& setting, const Source& train,
                        Device device);

}  // namespace vicinity
