// preprocessor_config.json of a model as defaults of data.*
#pragma once

#include <string>

#include "core/config/config_tree.h"

namespace vicinity {

/// What the image processor beside a model says, as settings that yield to every file and override
/// of the tree. A given data.image_size scales the sizes that are not given. `model` is a model
/// directory or a weight file; without preprocessor_config.json nothing is added. Returns a line
/// for the log: what is done to images, where that comes from, and which settings were given
/// instead; "" if all were. DataError if the file cannot be used.
std::string add_processor(ConfigTree& tree, const std::string& model);

}  // namespace vicinity
