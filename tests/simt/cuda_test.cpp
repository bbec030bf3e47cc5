// The CUDA context on the emulated device: memory, streams, events, graphs, transfers.
#include "core/runtime/cuda.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "core/ops/elementwise.h"
#include "core/ops/transfer.h"
#include "core/runtime/on_device.h"
#include "tests/simt/device.h"
#include "tests/simt/fault.h"

namespace vicinity {
namespace {

using testing::error_of;
using testing::says;

/// An allocator of its own, on a device with this much memory left.
struct SmallDevice {
  explicit SmallDevice(size_t left) : memory_before(simt::device().memory) {
    simt::device().memory = simt::device().used + left;
  }
  ~SmallDevice() { simt::device().memory = memory_before; }

  size_t memory_before;
  CudaAllocator allocator{cuda().stream()};
};

constexpr size_t kMiB = size_t{1} << 20;

// --- memory

TEST(CudaAllocator, AsksTheDriverInTheFirstStepsOnly) {
  CudaAllocator& allocator = cuda().allocator();
  int64_t calls = 0;
  for (int step = 0; step < 6; ++step) {
    std::vector<Tensor> kept;
    for (int64_t i = 1; i < 40; ++i) {
      kept.push_back(zeros({i * 10007}, DType::f32, kCuda));
      const Tensor passing = add(kept.back(), kept.back());
      if (i % 3 == 0) kept.erase(kept.begin() + i / 3);
    }
    if (step == 1) calls = allocator.driver_calls();
  }
  EXPECT_GT(calls, 0);
  EXPECT_EQ(allocator.driver_calls(), calls);
}

TEST(CudaAllocator, CountsWhatIsHeldAndReserved) {
  SmallDevice small(512 * kMiB);
  CudaAllocator& allocator = small.allocator;
  void* a = allocator.allocate(3000);
  void* b = allocator.allocate(100 * kMiB);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a) % Arena::kAlignment, 0u);
  EXPECT_EQ(allocator.use().current, 3000 + 100 * kMiB);
  EXPECT_GE(allocator.reserved(), 100 * kMiB);
  EXPECT_EQ(allocator.driver_calls(), 2);
  allocator.release(b, 100 * kMiB);
  EXPECT_EQ(allocator.use().current, 3000u);
  EXPECT_EQ(allocator.use().peak, 3000 + 100 * kMiB);
  EXPECT_EQ(allocator.allocate(90 * kMiB), b) << "the best fit is what was released";
  EXPECT_EQ(allocator.driver_calls(), 2);
}

TEST(CudaAllocator, OutOfMemorySaysWhoHasIt) {
  SmallDevice small(256 * kMiB);
  small.allocator.allocate(200 * kMiB);
  const std::string message = error_of([&] { small.allocator.allocate(100 * kMiB); });
  EXPECT_TRUE(
      says(message,
           "out of GPU memory: 100.* MiB asked for. Tensors of this process hold .* of the "
           "200.* MiB it has reserved \\(0 B of it for recorded steps\\); other processes and "
           "the driver hold .*; the device has 5[56].* MiB free of .* (M|G)iB. nvidia-smi "
           "names the other processes; a smaller batch needs less"));
  EXPECT_THROW(small.allocator.allocate(100 * kMiB), OutOfMemory);
}

TEST(CudaAllocator, TakesTheLastMemoryInPiecesOfWhatIsNeeded) {
  SmallDevice small(250 * kMiB);
  small.allocator.allocate(200 * kMiB);
  EXPECT_NE(small.allocator.allocate(30 * kMiB), nullptr) << "less than a usual piece is left";
  EXPECT_NE(small.allocator.allocate(15 * kMiB), nullptr);
  EXPECT_THROW(small.allocator.allocate(10 * kMiB), OutOfMemory);
}

DEV_KERNEL void write_kernel(float* x, int64_t at) {
  if (dev::thread() == 0) x[at] = 1;
}

TEST(CudaAllocator, NamesATensorThatWasWrittenBehind) {
  for (const int64_t behind : {0, 5}) {
    {
      Tensor x = empty({10}, DType::f32, kCuda);
      dev::launch(cuda(), "write", write_kernel, {.threads = 32}, x.data<float>(), 10 + behind);
    }
    EXPECT_TRUE(says(
        error_of([] { empty({1}, DType::f32, kCuda); }),
        str("a kernel wrote behind the end of a tensor of 40 bytes, at byte ", 40 + 4 * behind)));
    EXPECT_EQ(error_of([] { empty({1}, DType::f32, kCuda); }), "") << "it is said once";
  }
  {
    Tensor x = empty({10}, DType::f32, kCuda);
    dev::launch(cuda(), "write", write_kernel, {.threads = 32}, x.data<float>(), 9);
  }
  EXPECT_EQ(error_of([] { empty({1}, DType::f32, kCuda); }), "");
}

DEV_KERNEL void copy_kernel(const float* x, float* y) { y[dev::thread()] = x[dev::thread()]; }

TEST(CudaAllocator, NamesATensorThatWasCopiedTooFar) {
  {
    Tensor x = empty({31}, DType::f32, kCuda), y = empty({31}, DType::f32, kCuda);
    dev::launch(cuda(), "copy", copy_kernel, {.threads = 32}, x.data<float>(), y.data<float>());
  }
  EXPECT_TRUE(says(error_of([] { empty({1}, DType::f32, kCuda); }),
                   "a kernel wrote behind the end of a tensor of 124 bytes, at byte 124"));
}

TEST(CudaAllocator, AFreshTensorIsNaN) {
  for (int round = 0; round < 2; ++round) {  // the second is the first's memory
    Tensor x = empty({1000}, DType::f32, kCuda);
    for (const float value : values_of<float>(to_device(x, kCpu))) ASSERT_TRUE(std::isnan(value));
    fill_(x, 1);
  }
}

TEST(CudaAllocator, AnOwnersPiecesKeepTheirAddresses) {
  SmallDevice small(32768 * kMiB);
  CudaAllocator& allocator = small.allocator;
  void* ordinary = allocator.allocate(1000);
  const int owner = allocator.add_owner();
  EXPECT_EQ(allocator.switch_owner(owner), 0);
  void* first = allocator.allocate(1 * kMiB);
  void* second = allocator.allocate(2 * kMiB);
  allocator.release(first, 1 * kMiB);
  EXPECT_EQ(allocator.allocate(1 * kMiB), first) << "inside, memory is used again";
  EXPECT_EQ(allocator.switch_owner(0), owner);

  const auto is_inside = [&](const void* p) {
    return p >= first && p < static_cast<char*>(first) + 64 * kMiB;
  };
  allocator.release(first, 1 * kMiB);
  allocator.release(second, 2 * kMiB);
  allocator.release(ordinary, 1000);
  for (int i = 0; i < 80; ++i) {
    ASSERT_FALSE(is_inside(allocator.allocate(1 * kMiB))) << "a graph still writes there";
  }
  const int64_t calls = allocator.driver_calls();
  allocator.remove_owner(owner);
  bool used_again = false;
  while (allocator.driver_calls() == calls && !used_again) {
    used_again = is_inside(allocator.allocate(1 * kMiB));
  }
  EXPECT_TRUE(used_again) << "given back, it is memory like any other";
}

TEST(CudaAllocator, PiecesGrowWithWhatTheirOwnerHas) {
  SmallDevice small(32768 * kMiB);
  CudaAllocator& allocator = small.allocator;
  allocator.allocate(400 * kMiB);
  const size_t reserved = allocator.reserved();
  allocator.switch_owner(allocator.add_owner());
  allocator.allocate(1000);
  EXPECT_LE(allocator.reserved(), reserved + 64 * kMiB) << "not a quarter of what others have";
}

TEST(CudaAllocator, GivesUnusedPiecesBackBeforeItHasNoMore) {
  SmallDevice small(256 * kMiB);
  CudaAllocator& allocator = small.allocator;
  void* kept = allocator.allocate(10 * kMiB);
  void* passing = allocator.allocate(80 * kMiB);
  allocator.release(passing, 80 * kMiB);
  EXPECT_THROW(allocator.allocate(300 * kMiB), OutOfMemory);
  EXPECT_NE(allocator.allocate(220 * kMiB), nullptr);
  allocator.release(kept, 10 * kMiB);
  EXPECT_EQ(simt::device().memory - simt::device().used, 256 * kMiB - allocator.reserved());
}

TEST(CudaAllocator, GivesNothingBackWhileCapturing) {
  SmallDevice small(100 * kMiB);
  small.allocator.release(small.allocator.allocate(80 * kMiB), 80 * kMiB);
  small.allocator.set_capturing(true);
  EXPECT_THROW(small.allocator.allocate(90 * kMiB), OutOfMemory);
  small.allocator.set_capturing(false);
  EXPECT_NE(small.allocator.allocate(90 * kMiB), nullptr);
}

// --- streams and events

/// Two streams, and a host that reads what they write.
struct Streams {
  ~Streams() {
    cuda_api::destroy(a);
    cuda_api::destroy(b);
    cuda_api::destroy(event);
  }
  void write(cuda_api::Stream stream, int& to, int value) {
    values.push_back(std::make_unique<int>(value));
    cuda_api::copy(&to, values.back().get(), sizeof to, cuda_api::Copy::to_device, stream);
  }

  cuda_api::Stream a = cuda_api::create_stream(), b = cuda_api::create_stream();
  cuda_api::Event event = cuda_api::create_event();
  std::vector<std::unique_ptr<int>> values;
};

TEST(CudaStreams, WorkIsDoneInOrderWhenItIsWaitedFor) {
  Streams s;
  int x = 0, y = 0;
  s.write(s.a, x, 1);
  cuda_api::copy(&y, &x, sizeof y, cuda_api::Copy::on_device, s.a);
  s.write(s.a, x, 2);
  EXPECT_EQ(x, 0) << "not before somebody waits";
  cuda_api::synchronize(s.b);
  EXPECT_EQ(x, 0) << "not for another stream";
  cuda_api::synchronize(s.a);
  EXPECT_EQ(x, 2);
  EXPECT_EQ(y, 1);
}

TEST(CudaStreams, AnEventOrdersTwoStreams) {
  Streams s;
  int x = 0, y = 0, z = 0;
  s.write(s.a, x, 1);
  cuda_api::record(s.event, s.a);
  s.write(s.a, z, 3);
  cuda_api::wait(s.b, s.event);
  cuda_api::copy(&y, &x, sizeof y, cuda_api::Copy::on_device, s.b);
  cuda_api::synchronize(s.b);
  EXPECT_EQ(y, 1) << "b saw what a wrote before the event";
  EXPECT_EQ(z, 0) << "what comes after the event is not waited for";
  cuda_api::synchronize(s.event);
  EXPECT_EQ(z, 0);
}

TEST(CudaStreams, AnEventStandsForItsLastRecord) {
  Streams s;
  int x = 0, y = 0;
  cuda_api::wait(s.b, s.event);  // never recorded: nothing to wait for
  cuda_api::synchronize(s.event);
  s.write(s.a, x, 1);
  cuda_api::record(s.event, s.a);
  cuda_api::wait(s.b, s.event);
  s.write(s.a, x, 2);
  cuda_api::record(s.event, s.a);
  cuda_api::copy(&y, &x, sizeof y, cuda_api::Copy::on_device, s.b);
  cuda_api::synchronize(s.b);
  EXPECT_EQ(y, 1) << "b waited for the record that it knew of";
  cuda_api::synchronize(s.event);
  EXPECT_EQ(x, 2);
}

// --- the device

TEST(CudaDevice, SaysWhyItIsNotThere) {
  const CudaSupport support = simt::device().support;
  simt::device().support.devices = 0;
  const std::string message = error_of([] { Cuda another; });
  const std::string why = why_no_cuda();
  simt::device().support = support;
  EXPECT_EQ(why, "the NVIDIA driver sees no device (CUDA_VISIBLE_DEVICES hides them all?)");
  EXPECT_EQ(message, "no CUDA device can be used: " + why);
  EXPECT_EQ(why_no_cuda(), "");
}

TEST(CudaDevice, AnOpIsARangeOfTheProfilerAlsoWhereItThrows) {
  on_device("outer", kCuda, {}, [](auto&) {
    EXPECT_EQ(simt::device().ranges, (std::vector<std::string>{"outer"}));
    const auto refuse = [](auto&) { VIC_FAIL(DeviceError, "no such launch"); };
    EXPECT_THROW(on_device("inner", kCuda, {}, refuse), DeviceError);
    EXPECT_EQ(simt::device().ranges, (std::vector<std::string>{"outer"}));
  });
  EXPECT_TRUE(simt::device().ranges.empty());
}

TEST(CudaDevice, AConstantIsMadeOnce) {
  int made = 0;
  const auto make = [&] {
    ++made;
    return tensor_of<float>({3}, {1, 2, 3});
  };
  const Tensor& x = cuda().constant("of this test", make);
  EXPECT_EQ(values_of<float>(to_device(x, kCpu)), (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(cuda().constant("of this test", make).raw(), x.raw());
  EXPECT_EQ(made, 1);
}

// --- transfers

template <class T>
void expect_round_trip(const Tensor& x) {
  const Tensor there = to_device(x, kCuda);
  EXPECT_EQ(there.device(), kCuda);
  EXPECT_EQ(there.dtype(), x.dtype());
  EXPECT_EQ(there.shape(), x.shape());
  const Tensor back = to_device(there, kCpu);
  ASSERT_EQ(back.shape(), x.shape());
  EXPECT_EQ(0, std::memcmp(back.data<T>(), x.data<T>(), x.bytes()));
  EXPECT_EQ(to_device(there, kCuda).raw(), there.raw()) << "what is there is not copied";
}

TEST(CudaTransfer, EveryTypeThereAndBack) {
  expect_round_trip<float>(tensor_of<float>({2, 2}, {1, -0.0f, INFINITY, 1e-40f}));
  expect_round_trip<bf16>(tensor_of<bf16>({3}, {bf16(1), bf16(-2), bf16(3)}));
  expect_round_trip<double>(tensor_of<double>({2}, {1e300, -1e-300}));
  expect_round_trip<uint8_t>(tensor_of<uint8_t>({5}, {0, 1, 127, 128, 255}));
  expect_round_trip<int32_t>(tensor_of<int32_t>({2}, {-1, 1 << 30}));
  expect_round_trip<int64_t>(tensor_of<int64_t>({1, 2}, {-1, int64_t{1} << 60}));
}

TEST(CudaTransfer, EmptyTensors) {
  for (const DType dtype :
       {DType::f32, DType::bf16, DType::f64, DType::u8, DType::i32, DType::i64}) {
    const Tensor back = to_device(to_device(empty({3, 0}, dtype), kCuda), kCpu);
    EXPECT_EQ(back.shape(), (Shape{3, 0}));
    EXPECT_EQ(back.dtype(), dtype);
  }
  EXPECT_FALSE(to_device(Tensor(), kCuda).defined());
  EXPECT_EQ(full({0}, 1, DType::f32, kCuda).size(), 0);
}

TEST(CudaTransfer, ViewsTakeTheirRowsOnly) {
  const Tensor x = tensor_of<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor there = to_device(x, kCuda).slice(1, 3);
  EXPECT_EQ(values_of<float>(to_device(there, kCpu)), (std::vector<float>{3, 4, 5, 6}));
  EXPECT_EQ(values_of<float>(to_device(to_device(x.slice(2, 3), kCuda), kCpu)),
            (std::vector<float>{5, 6}));
}

TEST(CudaTransfer, WaitsForTheWorkBeforeIt) {
  Tensor x = full({100}, 1, DType::f32, kCuda);
  fill_(x, 7);
  EXPECT_EQ(values_of<float>(to_device(x, kCpu)), std::vector<float>(100, 7));
}

}  // namespace
}  // namespace vicinity
