// Activations computed again instead of kept: memory for time.
#pragma once

#include "autograd/variable.h"

namespace vicinity {

/// A part of a network: some variables in, some out. Everything else that it reads (parameters, a
/// pass) must still be there, and be the same, when the tape runs back.
using Segment = std::function<std::vector<Variable>(const std::vector<Variable>& inputs)>;

/// segment(inputs), of which the tape keeps the inputs alone: `backward` runs the segment a second
/// time, recording, and then back through it. Gradients, those of parameters inside included, are
/// to the bit those of the segment run once, because kernels repeat and every draw is a function of
/// its counters. Costs one more forward of the segment. Where no input wants a gradient the segment
/// is simply run. Chen et al. 2016, arXiv:1604.06174, sec. 4.
std::vector<Variable> checkpoint(const std::vector<Variable>& inputs, Segment segment);

}  // namespace vicinity
