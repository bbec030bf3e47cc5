// The pictures of an evaluation's worst mistakes.
#pragma once

#include "data/source/source.h"
#include "train/report/run_record.h"

namespace vicinity {

/// Small PNGs of the first `most` of run.evaluation->worst, from the images that were evaluated. A
/// source of other images (names differ) is noted and gives none, and so is one that cannot be
/// read.
void add_mistake_images(RunRecord& run, const Source& images, size_t most);

/// RFC 4648, section 4.
std::string base64(std::string_view bytes);

}  // namespace vicinity
