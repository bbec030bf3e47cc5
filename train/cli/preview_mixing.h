// What mixing and erasing make of the pictures of a preview.
#pragma once

#include <vector>

#include "data/image/sheet.h"
#include "train/run_config.h"

namespace vicinity {

/// Takes the pictures, all of one size, for a leaf of one step in epoch `epoch`: mixes and erases
/// them as train.* says, by the op that training uses, and adds to what stands below each which
/// share its own label has. Noise outside the range of bytes is cut off.
void mix_previews(const std::vector<SheetEntry*>& leaf, const RunConfig& config, int64_t epoch);

}  // namespace vicinity
