// Who looks on while this thread's tape is written and run back; without anyone, an op pays a
// comparison.
#pragma once

#include "autograd/leaf_watch.h"
#include "autograd/record.h"
#include "autograd/watch.h"

namespace vicinity {

/// Null where nobody looks on.
struct Onlookers {
  TapeWatch* tape = nullptr;
  LeafWatch* leaves = nullptr;
  LeafReads* reads = nullptr;
};
/// Those of this thread.
Onlookers& onlookers();

/// Where the gradient of a parameter goes; absent for what is no leaf.
Tensor sink_of(const Variable& input);
/// An op has been recorded, or would have been.
void show_output(const char* op, const Tensor& y, const std::vector<Variable>& inputs);
/// A tape that is not kept keeps in mind what it reads, for whoever asks.
void note_reads(const std::vector<Variable>& inputs);

}  // namespace vicinity
