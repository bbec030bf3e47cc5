#include "train/inference_memory.h"

#include "autograd/record.h"
#include "core/runtime/cuda.h"
#include "core/tensor/plan_extent.h"
#include "models/registry.h"
#include "train/run/setup.h"

namespace vicinity {
namespace {

// What a recorded pass has in blocks of its own: the images that it reads and the outputs.
constexpr size_t kRecorded = 512 << 10;

// Bytes that tensors can still have; an eighth is for gaps between them.
size_t room_on(Device device) {
  size_t bytes = 0;
  if constexpr (kCudaBuilt) {
    if (device == kCuda) {
      bytes = cuda().allocator().room();
      bytes -= std::min(bytes, kRecorded);
    }
  }
  if (device == kCpu) {
    const size_t held = allocator_of(device).use().current;
    bytes = memory_of(device) - std::min(memory_of(device), held);
  }
  return bytes / 8 * 7;
}

}  // namespace

int64_t largest_inference_batch(const InferencePass& pass, size_t bytes) {
  const NoGrad no_grad;
  const auto model = make_inference_model(pass.model.config(), pass.act, kPlan);
  const auto fits = [&](int64_t count) {
    reset_plan_extent();
    const size_t before = plan_extent();
    const Shape shape{count, pass.images[1], pass.images[2], pass.images[3]};
    // As they come, normalised, and where a recorded pass reads them.
    const Tensor raw = empty(shape, DType::u8, kPlan), images = empty(shape, pass.act, kPlan),
                 input = empty_like(images);
    OutputSink sink(pass.request);
    model->run(input, sink, {.act = pass.act});
    return plan_extent() - before <= bytes;
  };
  int64_t good = 0, bad = pass.images[0];
  while (bad - good > 1) {
    const int64_t middle = (good + bad) / 2;
    (fits(middle) ? good : bad) = middle;
  }
  return good;
}

void explain(OutOfMemory& error, const InferencePass& pass) {
  const int64_t fits = largest_inference_batch(pass, room_on(pass.model.store().value().device()));
  error.add_context(str("running ", pass.images[0], " images of ", pass.images[1], " x ",
                        pass.images[2], " pixels through the model; on paper ",
                        fits > 0 ? str(pass.setting, fits, " fits") : "not even one image fits",
                        " what this process can have"));
}

}  // namespace vicinity
