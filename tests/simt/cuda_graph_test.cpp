// Recorded steps on the emulated device: what is captured, what spoils a capture, where memory and
// inputs lie, and what a device that failed leaves behind.
#include "core/runtime/cuda_graph.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/ops/elementwise.h"
#include "core/ops/transfer.h"
#include "core/runtime/cuda.h"
#include "tests/simt/device.h"
#include "tests/simt/fault.h"

namespace vicinity {
namespace {

using testing::error_of;
using testing::says;

std::vector<float> values(const Tensor& x) { return values_of<float>(to_device(x, kCpu)); }

TEST(CudaCapture, RunsWhatWasCapturedAsOftenAsItIsLaunched) {
  Tensor x = full({1000}, 1, DType::f32, kCuda), one = full({1000}, 1, DType::f32, kCuda);
  cuda().synchronize();
  const int64_t before = simt::operations_run();
  cuda_api::begin_capture(cuda().stream());
  add_(x, one);
  scale_(x, 2);
  const cuda_api::Graph graph = cuda_api::end_capture(cuda().stream());
  cuda().synchronize();
  EXPECT_EQ(simt::operations_run(), before) << "nothing runs while it is captured";
  EXPECT_EQ(values(x), std::vector<float>(1000, 1));

  const int64_t launched = simt::operations_run();
  cuda_api::launch(graph, cuda().stream());
  cuda_api::launch(graph, cuda().stream());
  EXPECT_EQ(simt::operations_run(), launched) << "launches are lazy like all work";
  cuda().synchronize();
  EXPECT_EQ(simt::operations_run(), launched + 4);
  EXPECT_EQ(values(x), std::vector<float>(1000, ((1 + 1) * 2 + 1) * 2));
  cuda_api::destroy(graph);
}

TEST(CudaCapture, EndOfWhatWasNotBegun) {
  EXPECT_THROW(cuda_api::end_capture(cuda().stream()), DeviceError);
}

TEST(CudaCapture, IsSpoiltByCallsThatWaitOrTakeMemoryOfTheHost) {
  const std::vector<std::function<void()>> calls = {
      [] { cuda().synchronize(); }, [] { cuda_api::allocate_host(100); },
      [] { cuda_api::begin_capture(cuda().stream()); }};
  for (const auto& call : calls) {
    cuda_api::begin_capture(cuda().stream());
    EXPECT_THROW(call(), DeviceError);
    EXPECT_THROW(cuda_api::end_capture(cuda().stream()), DeviceError);
    cuda_api::abandon_capture(cuda().stream());  // nothing to abandon any more
  }
}

/// Something recorded with inputs that tell the step.
struct WithInputs {
  explicit WithInputs(int64_t size) {
    graph = std::make_unique<CudaGraph>(std::make_shared<GraphMemory>(), [&] {
      for (int i = 0; i < 3; ++i) {
        const Tensor in = step_values({size + i}, DType::f32, kCuda, 0, [i](Tensor& x, int64_t s) {
          fill_(x, static_cast<double>(10 * s + i));
        });
        outputs.push_back(scaled(in));
      }
    });
  }
  static Tensor scaled(const Tensor& x) {
    Tensor y = empty_like(x);
    copy_(y, x);
    scale_(y, 2);
    return y;
  }
  std::vector<Tensor> outputs;
  std::unique_ptr<CudaGraph> graph;
};

TEST(CudaGraphs, InputsOfAStepTravelTogether) {
  const WithInputs recorded(5);
  cuda().synchronize();
  for (const int64_t step : {0, 7}) {
    const int64_t before = simt::operations_run();
    recorded.graph->launch(step);
    cuda().synchronize();
    EXPECT_EQ(simt::operations_run(), before + 1 + 2 * 3) << "one copy for three inputs";
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(values(recorded.outputs[i]), std::vector<float>(5 + i, 20.0f * step + 2 * i));
  }
}

TEST(CudaGraphs, InputsMayBeLarge) {
  for (const int64_t size : {30000, 50000, 70000}) {  // two to a slab, one, and more than one holds
    const WithInputs recorded(size);
    recorded.graph->launch(3);
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(values(recorded.outputs[i]), std::vector<float>(size + i, 60.0f + 2 * i));
  }
}

TEST(CudaGraphs, ComeToAPlaceForWhichOtherStreamsWait) {
  Tensor x = full({100}, 0, DType::f32, kCuda), one = full({100}, 1, DType::f32, kCuda);
  const cuda_api::Event place = cuda_api::create_event();
  CudaGraph graph(std::make_shared<GraphMemory>(), [&] {
    add_(x, one);
    cuda_api::record_for_others(place, cuda().stream());
    scale_(x, 10);
  });
  Tensor seen = full({100}, -1, DType::f32, kCuda);
  cuda().synchronize();
  const cuda_api::Stream other = cuda_api::create_stream();
  for (const float expected : {1.0f, 11.0f, 111.0f}) {
    graph.launch(0);
    cuda_api::wait(other, place);
    cuda().on_stream(other, [&] { copy_(seen, x); });
    cuda().synchronize();
    cuda_api::synchronize(other);
    EXPECT_EQ(values(seen), std::vector<float>(100, expected)) << "neither before nor after it";
  }
  cuda_api::destroy(place);
  cuda_api::destroy(other);
}

TEST(CudaGraphs, SayWhatFailedWhileTheyWereRecorded) {
  Tensor x = full({10}, 1, DType::f32, kCuda);
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(says(error_of([&] {
                       const CudaGraph graph(std::make_shared<GraphMemory>(), [&] {
                         step_values({3}, DType::f32, kCuda, 0, [](Tensor&, int64_t) {});
                         to_device(x, kCpu);
                       });
                     }),
                     "a stream was waited for while a stream is captured"))
        << "and not only that the capture was spoilt";
    EXPECT_EQ(CudaGraph::recording(), nullptr);
    EXPECT_EQ(values(x), std::vector<float>(10, 1)) << "the stream works on";
  }
  CudaGraph graph(std::make_shared<GraphMemory>(), [&] { scale_(x, 3); });
  graph.launch(0);
  EXPECT_EQ(values(x), std::vector<float>(10, 3));
}

TEST(CudaGraphs, ShareTheirMemoryWithWorkOpByOp) {
  constexpr int64_t kFloats = 5 << 20;
  Tensor result = empty({kFloats}, DType::f32, kCuda);
  const auto work = [&] {
    const Tensor two = full({kFloats}, 2, DType::f32, kCuda);
    const Tensor three = add(two, full({kFloats}, 1, DType::f32, kCuda));
    copy_(result, three);
  };
  const auto memory = std::make_shared<GraphMemory>();
  memory->use(work);
  const size_t reserved = cuda().allocator().reserved();
  CudaGraph graph(memory, work);
  EXPECT_EQ(cuda().allocator().reserved(), reserved) << "recording needs no second memory";
  for (int round = 0; round < 2; ++round) {
    fill_(result, 0);
    round == 0 ? graph.launch(0) : memory->use(work);
    EXPECT_EQ(values(result), std::vector<float>(kFloats, 3));
  }
  EXPECT_EQ(cuda().allocator().reserved(), reserved);
}

TEST(CudaGraphs, ConstantsOutliveTheMemoryTheyWereMetIn) {
  const auto memory = std::make_shared<GraphMemory>();
  CudaGraph graph(memory, [] { full({1 << 20}, 5, DType::f32, kCuda); });
  const auto make = [] { return tensor_of<float>({3}, {1, 2, 3}); };
  const Tensor table = memory->use([&] { return cuda().constant("met in a step", make); });
  graph.launch(0);
  EXPECT_EQ(values(table), (std::vector<float>{1, 2, 3}));
}

// --- a device that failed

TEST(CudaFailure, IsSaidOnceAndDestructorsAreQuiet) {
  {
    Tensor x = full({100}, 1, DType::f32, kCuda);
    Upload upload(kCuda);
    upload.begin(full({100}, 2, DType::f32));
    const WithInputs recorded(5);
    recorded.graph->launch(0);
    simt::break_device("an illegal memory access");
    EXPECT_TRUE(says(error_of([&] { to_device(x, kCpu); }), "an illegal memory access"));
    EXPECT_THROW(recorded.graph->launch(1), DeviceError);
    EXPECT_THROW(upload(full({100}, 3, DType::f32)), DeviceError);
  }
  simt::device().fault.clear();
  error_of([] { empty({1}, DType::f32, kCuda); });  // guard bytes could not be looked at
  EXPECT_EQ(values(full({3}, 4, DType::f32, kCuda)), std::vector<float>(3, 4));
}

}  // namespace
}  // namespace vicinity
