#include "core/runtime/cuda_graph.h"

#include <algorithm>
#include <cstring>

#include "core/runtime/cuda.h"

namespace vicinity {
namespace {

constexpr int64_t kSlabBytes = 256 << 10;  // a step of a large batch needs about as much
constexpr size_t kInputAlignment = 256;    // the most that a kernel's loads ask for

CudaGraph* recorded = nullptr;

/// What others must know while a graph is recorded.
struct Recording {
  explicit Recording(CudaGraph* graph) {
    recorded = graph;
    cuda().allocator().set_capturing(true);
  }
  ~Recording() {
    recorded = nullptr;
    cuda().allocator().set_capturing(false);
  }
};

}  // namespace

GraphMemory::GraphMemory() : owner_(cuda().allocator().add_owner()) {
  use([this] { inputs_ = Tensor({kSlabBytes}, DType::u8, kCuda); });
}
GraphMemory::~GraphMemory() { cuda().allocator().remove_owner(owner_); }
GraphMemory::Opened::Opened(int owner) : before(cuda().allocator().switch_owner(owner)) {}
GraphMemory::Opened::~Opened() { cuda().allocator().switch_owner(before); }

CudaGraph* CudaGraph::recording() { return recorded; }

CudaGraph::CudaGraph(std::shared_ptr<GraphMemory> memory, const std::function<void()>& work)
    : CudaGraph(std::move(memory)) {
  record(work);  // if it throws, the destructor runs
}

void CudaGraph::record(const std::function<void()>& work) {
  VIC_ASSERT(recorded == nullptr, "two graphs are recorded at once");
  const cuda_api::Stream stream = cuda().stream();
  slabs_.push_back({memory_->inputs()});
  cuda_api::begin_capture(stream);
  try {
    const Recording recording(this);
    memory_->use(work);
    graph_ = cuda_api::end_capture(stream);
  } catch (...) {
    cuda_api::abandon_capture(stream);
    throw;
  }
  for (Slab& slab : slabs_) {
    if (slab.used > 0) slab.pinned = cuda_api::allocate_host(slab.used);
  }
}

CudaGraph::~CudaGraph() {
  cuda_api::destroy(graph_);
  for (const Slab& slab : slabs_) cuda_api::release_host(slab.pinned);
}

Tensor CudaGraph::add_input(const Shape& shape, DType dtype, Fill fill) {
  Tensor host(shape, dtype, kCpu);
  const size_t bytes = (host.bytes() + kInputAlignment - 1) / kInputAlignment * kInputAlignment;
  if (slabs_.back().used + bytes > slabs_.back().device.bytes()) {
    const int64_t size = std::max(static_cast<int64_t>(bytes), kSlabBytes);
    slabs_.push_back({cuda().in_common_memory([&] { return Tensor({size}, DType::u8, kCuda); })});
  }
  Slab& slab = slabs_.back();
  inputs_.push_back({std::move(host), slabs_.size() - 1, slab.used, std::move(fill)});
  slab.used += bytes;
  return slab.device.part(inputs_.back().offset, shape, dtype);
}

void CudaGraph::launch(int64_t step) {
  for (Input& input : inputs_) {
    input.fill(input.host, step);
    char* pinned = static_cast<char*>(slabs_[input.slab].pinned);
    std::memcpy(pinned + input.offset, input.host.raw(), input.host.bytes());
  }
  for (const Slab& slab : slabs_) {
    if (slab.used == 0) continue;
    cuda_api::copy(slab.device.raw(), slab.pinned, slab.used, cuda_api::Copy::to_device,
                   cuda().stream());
  }
  cuda_api::launch(graph_, cuda().stream());
}

}  // namespace vicinity
