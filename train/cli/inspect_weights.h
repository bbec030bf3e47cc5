#pragma once

#include <string>

namespace vicinity {

/// Prints the tensors of a weight file, whose names they are, and what their shapes tell of the
/// model; as JSON in one object.
int inspect_weights(const std::string& path, bool json);

}  // namespace vicinity
