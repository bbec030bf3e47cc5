#include <algorithm>
#include <atomic>
#include <queue>
#include <unordered_set>

#include "autograd/node.h"
#include "autograd/onlookers.h"

namespace vicinity {

namespace {

thread_local bool recording = true;

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
  const Onlookers& looking = onlookers();
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
      if (wanted && looking.tape != nullptr)
        looking.tape->gradient(node->op, grads[i], sink_of(inputs[i]));
      if (wanted) arrive(inputs[i].node(), inputs[i].output(), grads[i]);
      grads[i] = Tensor{};
    }
    Node::release(inputs, looking.leaves);
    if (looking.leaves != nullptr) looking.leaves->op_done();
  }
}

}  // namespace vicinity
