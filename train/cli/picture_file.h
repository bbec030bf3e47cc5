// Where a verb may draw a picture.
#pragma once

#include <string>
#include <vector>

namespace vicinity {

/// UsageError, naming `option`, unless the name ends in .png and is none of the images that are
/// read.
void check_picture_file(const std::string& path, const std::string& option,
                        const std::vector<std::string>& images = {});

}  // namespace vicinity
