#include "core/runtime/cuda_graph.h"

#include <cstring>

#include "core/runtime/cuda.h"

namespace vicinity {
namespace {

CudaGraph* recorded = nullptr;

}  // namespace

CudaGraph* CudaGraph::recording() { return recorded; }

CudaGraph::CudaGraph(const std::function<void()>& work)
    : memory_(cuda().allocator().open_private_pieces()),
      input_memory_(cuda().allocator().another_owner()) {
  recorded = this;
  cuda_api::begin_capture(cuda().stream());
  const auto close = [this] {
    recorded = nullptr;
    cuda().allocator().close_private_pieces();
    graph_ = cuda_api::end_capture(cuda().stream());
  };
  try {
    work();
  } catch (...) {
    close();
    cuda_api::destroy(graph_);
    inputs_.clear();
    cuda().allocator().release_private_pieces(memory_);
    cuda().allocator().release_private_pieces(input_memory_);
    throw;
  }
  close();
}

CudaGraph::~CudaGraph() {
  cuda_api::destroy(graph_);
  for (const Input& input : inputs_) cuda_api::release_host(input.pinned);
  inputs_.clear();  // while their memory still is the graph's
  cuda().allocator().release_private_pieces(memory_);
  cuda().allocator().release_private_pieces(input_memory_);
}

Tensor CudaGraph::add_input(const Shape& shape, DType dtype, Fill fill) {
  cuda().allocator().switch_private_pieces(input_memory_);
  Input input{Tensor(shape, dtype, kCpu), Tensor(shape, dtype, kCuda), nullptr, std::move(fill)};
  cuda().allocator().switch_private_pieces(memory_);
  input.pinned = cuda_api::allocate_host(input.host.bytes());
  inputs_.push_back(input);
  return input.device;
}

void CudaGraph::launch(int64_t step) {
  for (Input& input : inputs_) {
    input.fill(input.host, step);
    std::memcpy(input.pinned, input.host.raw(), input.host.bytes());
    cuda_api::copy(input.device.raw(), input.pinned, input.host.bytes(), cuda_api::Copy::to_device,
                   cuda().stream());
  }
  cuda_api::launch(graph_, cuda().stream());
}

}  // namespace vicinity
