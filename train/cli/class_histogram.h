#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vicinity {

/// Images of each class, a line each with a bar; of more than 50 classes the extremes.
std::string class_histogram(const std::vector<std::string>& names,
                            const std::vector<int64_t>& train, const std::vector<int64_t>& val);

}  // namespace vicinity
