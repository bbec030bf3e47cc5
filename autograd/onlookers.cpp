#include "autograd/onlookers.h"

#include "autograd/node.h"

namespace vicinity {

Onlookers& onlookers() {
  thread_local Onlookers here;
  return here;
}

Tensor sink_of(const Variable& input) {
  const Node* node = input.node().get();
  return node != nullptr && node->leaf ? node->arrived[0] : Tensor{};
}

void show_output(const char* op, const Tensor& y, const std::vector<Variable>& inputs) {
  TapeWatch* watch = onlookers().tape;
  if (watch == nullptr) return;
  std::vector<Tensor> sinks;
  for (const Variable& input : inputs)  // what has no value is held, not read
    sinks.push_back(input.defined() ? sink_of(input) : Tensor{});
  watch->output(op, y, sinks);
}

void note_reads(const std::vector<Variable>& inputs) {
  LeafReads* reads = onlookers().reads;
  if (reads == nullptr) return;
  for (const Variable& input : inputs)
    if (input.needs_grad() && input.node()->leaf) reads->all().push_back(input);
}

Watched::Watched(TapeWatch& wanted) { onlookers().tape = &wanted; }
Watched::~Watched() { onlookers().tape = nullptr; }

LeavesWatched::LeavesWatched(LeafWatch& wanted) { onlookers().leaves = &wanted; }
LeavesWatched::~LeavesWatched() { onlookers().leaves = nullptr; }

LeafReads::LeafReads() { onlookers().reads = this; }
LeafReads::~LeafReads() { onlookers().reads = nullptr; }

}  // namespace vicinity
