// From the words of a command line to image files.
#pragma once

#include <istream>
#include <string>
#include <vector>

namespace vicinity {

/// Files that words stand for, in their order: a file is itself; a folder the images below it, by
/// name; a pattern (* ? [ ]) that the shell left alone what it matches; `-` the lines of `input`.
/// Whether a file can be read is not looked at. DataError for a folder or a pattern without images.
std::vector<std::string> list_images(const std::vector<std::string>& words, std::istream& input);

}  // namespace vicinity
