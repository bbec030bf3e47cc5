#include <atomic>
#include <cstring>
#include <queue>
#include <unordered_set>

#include "autograd/leaf_watch.h"
#include "autograd/record.h"
#include "autograd/watch.h"
#include "core/ops/elementwise.h"

namespace vicinity {

class Node {
 public:
  const char* op = "leaf";
  uint64_t number = 0;           // creation order
  std::vector<Variable> inputs;  // values dropped: only nodes are kept
  std::vector<bool> wanted;
  BackwardMany backward;
  Grads arrived;  // per output; for a leaf, arrived[0] is the sink
  bool leaf = false;
  bool gate = false;     // keeps what arrives
  bool written = false;  // leaves: the sink holds a gradient
  int readers = 0;       // leaves: inputs of nodes that have not run back

  Node() = default;
  ~Node() { release(inputs, nullptr); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // A node that has these inputs is made.
  static void hold(const std::vector<Variable>& inputs) {
    for (const Variable& input : inputs)
      if (input.needs_grad() && input.node()->leaf) ++input.node()->readers;
  }
  // It has run back, or never will. `watch`: hears which leaves nobody else reads; or absent.
  static void release(const std::vector<Variable>& inputs, LeafWatch* watch) {
    for (const Variable& input : inputs) {
      if (!input.needs_grad() || !input.node()->leaf) continue;
      if (--input.node()->readers == 0 && watch != nullptr) watch->whole(input.node()->arrived[0]);
    }
  }

  // Adds a gradient to those that arrived at an output. Sums in place only where nobody else sees
  // the tensor.
  void add(int output, const Tensor& dy) {
    Tensor& sum = arrived[static_cast<size_t>(output)];
    VIC_ASSERT(!sum.defined() || sum.shape() == dy.shape(), "gradient of ", op, " has shape ",
               dy.shape(), ", wanted ", sum.shape());
    if (leaf && !written) {
      if (!dy.begins_with(sum)) copy_(sum, dy);
      written = true;
    } else if (!sum.defined()) {
      sum = dy;
    } else if (leaf || sum.unique()) {
      add_(sum, dy);
    } else {
      sum = vicinity::add(sum, dy);
    }
  }
};

namespace {

thread_local bool recording = true;
thread_local TapeWatch* watch = nullptr;
thread_local LeafWatch* leaf_watch = nullptr;
thread_local LeafReads* reads = nullptr;

Tensor sink_of(const Variable& input) {
  const Node* node = input.node().get();
  return node != nullptr && node->leaf ? node->arrived[0] : Tensor{};
}

void show_output(const char* op, const Tensor& y, const std::vector<Variable>& inputs) {
  if (watch == nullptr) return;
  std::vector<Tensor> sinks;
  for (const Variable& input : inputs)  // what has no value is held, not read
    sinks.push_back(input.defined() ? sink_of(input) : Tensor{});
  watch->output(op, y, sinks);
}

// A tape that is not kept keeps in mind what it reads, for whoever asks.
void note_reads(const std::vector<Variable>& inputs) {
  if (reads == nullptr) return;
  for (const Variable& input : inputs)
    if (input.needs_grad() && input.node()->leaf) reads->all().push_back(input);
}

uint64_t next_number() {
  static std::atomic<uint64_t> counter{0};
  return ++counter;
}

bool any_wanted(const std::vector<Variable>& inputs) {
  return std::any_of(inputs.begin(), inputs.end(),
                     [](const Variable& v) { return v.needs_grad(); });
}

std::shared_ptr<Node> make_node(const char* op, size_t outputs, const std::vector<Variable>& inputs,
                                BackwardMany backward) {
  auto node = std::make_shared<Node>();
  node->op = op;
  node->number = next_number();
  node->backward = std::move(backward);
  node->arrived.resize(outputs);
  for (const Variable& input : inputs) {
    node->inputs.emplace_back(Tensor{}, input.node(), input.output());
    node->wanted.push_back(input.needs_grad());
  }
  Node::hold(node->inputs);
  return node;
}

// An input that comes twice has no sink: its second gradient would be written over the first.
Needs needs_of(const Node& node) {
  std::vector<Tensor> sinks(node.inputs.size());
  for (size_t i = 0; i < sinks.size(); ++i) {
    const Node* input = node.inputs[i].node().get();
    const auto same = [input](const Variable& v) { return v.node().get() == input; };
    if (input != nullptr && input->leaf && !input->written &&
        std::count_if(node.inputs.begin(), node.inputs.end(), same) == 1)
      sinks[i] = input->arrived[0];
  }
  return {node.wanted, std::move(sinks)};
}

struct Later {
  bool operator()(const std::shared_ptr<Node>& a, const std::shared_ptr<Node>& b) const {
    return a->number < b->number;
  }
};

}  // namespace

std::vector<Variable> record(const char* op, std::vector<Tensor> ys,
                             const std::vector<Variable>& inputs, BackwardMany backward) {
  std::vector<Variable> result;
  for (const Tensor& y : ys) show_output(op, y, inputs);
  const bool keep = recording && any_wanted(inputs);
  if (!recording) note_reads(inputs);
  const auto node = keep ? make_node(op, ys.size(), inputs, std::move(backward)) : nullptr;
  for (size_t i = 0; i < ys.size(); ++i) {
    result.push_back(keep ? Variable(std::move(ys[i]), node, static_cast<int>(i))
                          : Variable(std::move(ys[i])));
  }
  return result;
}

Variable record(const char* op, Tensor y, const std::vector<Variable>& inputs,
                BackwardOne backward) {
  show_output(op, y, inputs);
  if (!recording) note_reads(inputs);
  if (!recording || !any_wanted(inputs)) return y;
  auto many = [one = std::move(backward)](const Grads& dys, const Needs& needs) {
    return one(dys[0], needs);
  };
  return {std::move(y), make_node(op, 1, inputs, std::move(many))};
}

bool is_recording() { return recording; }

NoGrad::NoGrad() : before_(recording) { recording = false; }
NoGrad::~NoGrad() { recording = before_; }

Watched::Watched(TapeWatch& wanted) { watch = &wanted; }
Watched::~Watched() { watch = nullptr; }

LeavesWatched::LeavesWatched(LeafWatch& wanted) { leaf_watch = &wanted; }
LeavesWatched::~LeavesWatched() { leaf_watch = nullptr; }

LeafReads::LeafReads() { reads = this; }
LeafReads::~LeafReads() { reads = nullptr; }

Leaf::Leaf(Tensor sink) : node_(std::make_shared<Node>()) {
  node_->leaf = true;
  node_->number = next_number();
  node_->arrived = {std::move(sink)};
}
bool Leaf::written() const { return node_->written; }
bool Leaf::is_read() const { return node_->readers > 0; }
void Leaf::reset() { node_->written = false; }
Tensor& Leaf::sink() { return node_->arrived[0]; }

Gate::Gate(Tensor value) {
  auto node = std::make_shared<Node>();
  node->op = "gate";
  node->number = next_number();
  node->gate = true;
  node->arrived.resize(1);
  variable_ = {std::move(value), std::move(node)};
}
Tensor Gate::take() { return std::exchange(variable_.node()->arrived[0], {}); }

void backward(const Variable& y, Tensor dy) {
  VIC_ASSERT(y.needs_grad(), "backward from a value that depends on no leaf");
  Grads dys;
  dys.push_back(std::move(dy));
  backward(std::vector<Variable>{y}, std::move(dys));
}

void backward(const std::vector<Variable>& ys, Grads dys) {
  std::priority_queue<std::shared_ptr<Node>, std::vector<std::shared_ptr<Node>>, Later> ready;
  std::unordered_set<Node*> queued;
  const auto arrive = [&](const std::shared_ptr<Node>& node, int output, const Tensor& gradient) {
    node->add(output, gradient);
    if (!node->leaf && !node->gate && queued.insert(node.get()).second) ready.push(node);
  };
  for (size_t i = 0; i < ys.size(); ++i) {
    const Tensor dy = std::exchange(dys[i], {});
    if (!dy.defined() || !ys[i].needs_grad()) continue;
    VIC_CHECK(ShapeError, dy.shape() == ys[i].shape(), "backward: gradient ", dy.shape(),
              " for a value ", ys[i].shape());
    arrive(ys[i].node(), ys[i].output(), dy);
  }
  while (!ready.empty()) {
    const std::shared_ptr<Node> node = ready.top();
    ready.pop();
    VIC_ASSERT(node->backward != nullptr, "second backward through ", node->op);
    Grads grads = node->backward(std::exchange(node->arrived, {}), needs_of(*node));
    VIC_ASSERT(grads.size() == node->inputs.size(), node->op, " gave ", grads.size(),
               " gradients for ", node->inputs.size(), " inputs");
    node->backward = nullptr;
    const std::vector<Variable> inputs = std::exchange(node->inputs, {});
    for (size_t i = 0; i < inputs.size(); ++i) {
      const bool wanted = inputs[i].needs_grad() && grads[i].defined();
      if (wanted && watch != nullptr) watch->gradient(node->op, grads[i], sink_of(inputs[i]));
      if (wanted) arrive(inputs[i].node(), inputs[i].output(), grads[i]);
      grads[i] = Tensor{};
    }
    Node::release(inputs, leaf_watch);
    if (leaf_watch != nullptr) leaf_watch->op_done();
  }
}

}  // namespace vicinity
