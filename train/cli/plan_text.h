// The parts of `vicinity plan` that are drawn as text.
#pragma once

#include <string>
#include <vector>

#include "models/receptive_field.h"
#include "train/schedule.h"

namespace vicinity {

/// The learning rate over the steps of a run, 60 columns of ASCII with both axes labelled.
std::string draw_schedule(const Schedule& schedule);

/// One line a level: its map, its dilations, which of them do not fit, how far a token sees.
std::string describe_reach(const std::vector<LevelReach>& levels, int64_t kernel,
                           int64_t image_size);

}  // namespace vicinity
