#pragma once

#include <string>

namespace vicinity {

/// Version of the program and of the libraries it was built with and runs with.
std::string version_text();

}  // namespace vicinity
