#include "train/cli/picture_file.h"

#include <filesystem>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {

void check_picture_file(const std::string& path, const std::string& option,
                        const std::vector<std::string>& images) {
  VIC_CHECK(UsageError, ends_with(lower(path), ".png"), option, " '", path,
            "': pictures are written as PNG; choose a name that ends in .png");
  for (const std::string& image : images) {
    std::error_code ignored;  // what is not there is not the same
    VIC_CHECK(UsageError, !std::filesystem::equivalent(path, image, ignored), option, " '", path,
              "' is one of the images, which would be lost; choose another name");
  }
}

}  // namespace vicinity
