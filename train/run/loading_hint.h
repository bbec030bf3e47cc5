// What to do where training waits for images.
#pragma once

#include <string>

#include "train/run_config.h"

namespace vicinity {

/// A line for the log where more than a tenth of the time was spent waiting, else nothing: how
/// much, and what of these is left to do: more loader threads, where fewer than `cores` were asked
/// for; a pack, where images are files or members of an archive; scaled decoding; smaller images.
std::string loading_hint(double share, const DataSection& data, int cores);

}  // namespace vicinity
