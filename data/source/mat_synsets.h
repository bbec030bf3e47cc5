#pragma once

#include <map>
#include <string>

namespace vicinity {

/// ILSVRC2012_ID -> WNID of the struct array in the development kit's meta.mat, ids as decimal
/// text. Reads MATLAB 5 files (MathWorks, "MAT-File Format", level 5), compressed or not, as far as
/// that needs. DataError for anything else.
std::map<std::string, std::string> mat_synsets(const std::string& path);

}  // namespace vicinity
