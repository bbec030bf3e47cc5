#include "tests/ops/neighborhood_attention_cases.h"

#include "core/ops/attention.h"
#if defined(VICINITY_CUDA_EMULATED)
#include "tests/simt/device.h"
#endif

namespace vicinity::testing {
namespace {

TEST(NeighborhoodAttention, GradientsMatchDifferences) {
  check_gradients(neighborhood_attention_cases());
}
TEST(NeighborhoodAttention, BackendsAgree) { check_backends(neighborhood_attention_cases()); }
TEST(NeighborhoodAttention, BackendsAgreeOnTiles) { check_backends(neighborhood_tile_cases()); }
TEST(NeighborhoodAttention, BackendsAgreeOnWideWindows) {
  check_backends(neighborhood_wide_cases());
}
TEST(NeighborhoodAttention, SameBitsOnAnyThreadCount) {
  check_threads(neighborhood_attention_cases());
}

TEST(NeighborhoodAttention, ProbabilitiesOnCuda) {
  if (!cuda_is_there()) GTEST_SKIP() << why_no_cuda();
  for (const int64_t kernel : {5, 7}) {  // fewer keys than a warp has lanes, and more
    const NeighborhoodWindow window{2, kernel, kernel == 5 ? 2 : 1};
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const Tensor qkv = cast(random_tensor({2, 11, 10, 18}, 7), dtype),
                   rpb = cast(random_tensor({2, 2 * kernel - 1, 2 * kernel - 1}, 8), DType::f32);
      const Tensor expected = neighborhood_attention_probabilities(qkv, rpb, window);
      const Tensor p = neighborhood_attention_probabilities(to_device(qkv, kCuda),
                                                            to_device(rpb, kCuda), window);
      EXPECT_LT(relative_error(p, expected), 1e-5) << kernel << name_of(dtype);
    }
  }
}

// So many heads that each block takes queries of one several times, the last time not all.
TEST(NeighborhoodAttention, BackendsAgreeWhereBlocksTakeQueriesAgain) {
  check_backends({neighborhood_case(1, 4, 5, 528, 1, 3, 1, true)});
}

TEST(NeighborhoodAttention, ProbabilitiesCostQAndKAndWhatTheyWrite) {
  plan().reset();
  neighborhood_attention_probabilities(empty({2, 7, 9, 192}, DType::bf16, kPlan), Tensor(),
                                       {2, 7, 1});
  const Cost cost = plan().by_op().at("neighborhood_attention_probabilities").cost;
  EXPECT_DOUBLE_EQ(cost.bytes, 2 * 63 * (2 * 64 * 2 + 2 * 49 * 4));
  EXPECT_DOUBLE_EQ(cost.flops, 2.0 * 2 * 63 * 49 * 64);
}

// Any number of queries side by side, few and many columns left over.
OpCase random_case(Random& random) {
  const auto kernel = static_cast<int64_t>(3 + 2 * random.below(6)),
             dilation = static_cast<int64_t>(1 + random.below(3));
  const auto extra = [&](uint64_t most) { return static_cast<int64_t>(random.below(most)); };
  return neighborhood_case(1, kernel * dilation + extra(7), kernel * dilation + extra(20), 1, 3,
                           kernel, dilation, true);
}

TEST(NeighborhoodAttention, RandomShapesMatchTheReference) {
  Random random(11, Purpose::test);
  for (int i = 0; i < 25; ++i) {
    const OpCase c = random_case(random);
    const auto values = input_values(c, DType::f64);
    EXPECT_LT(relative_error(run_case(c, values, DType::f64).outputs[0], c.reference(values)[0]),
              1e-12)
        << c.name;
  }
}

// More queries share their keys in f32 than in f64.
TEST(NeighborhoodAttention, RandomShapesInF32MatchF64) {
  Random random(12, Purpose::test);
  for (int i = 0; i < 40; ++i) {
    const OpCase c = random_case(random);
    const auto values = input_values(c, DType::f32);
    const OpResult f32 = run_case(c, values, DType::f32), f64 = run_case(c, values, DType::f64);
    EXPECT_LT(relative_error(f32.outputs[0], f64.outputs[0]), 1e-6) << c.name;
    for (size_t k = 0; k < f64.grads.size(); ++k)
      EXPECT_LT(relative_error(f32.grads[k], f64.grads[k]), 1e-5) << c.name << " gradient " << k;
  }
}

// Each of the kernels on CUDA: dense groups, narrow and wide windows, any size.
TEST(NeighborhoodAttention, BackendsAgreeOnRandomShapes) {
  Random random(13, Purpose::test);
  const auto below = [&](uint64_t n) { return static_cast<int64_t>(random.below(n)); };
  std::vector<OpCase> cases;
  for (const int64_t head_dim : {32, 5, 32, 64, 32, 16, 32, 32}) {
    for (const int64_t kernel : {3 + 2 * below(3), 3 + 2 * below(6)}) {
      const int64_t dilation = 1 + below(kernel > 7 ? 2 : 4), side = kernel * dilation;
      cases.push_back(neighborhood_case(1, side + below(4), side + below(9), 1 + below(2), head_dim,
                                        kernel, dilation, below(4) > 0));
    }
  }
  check_backends(cases);
}

#if defined(VICINITY_CUDA_EMULATED)
/// A device whose blocks have no more shared memory than this.
struct SharedMemory {
  explicit SharedMemory(size_t bytes) { set(bytes); }
  ~SharedMemory() { set(size_t{227} << 10); }
  static void set(size_t bytes) {
    simt::device().shared_per_block = bytes;
    const_cast<cuda_api::DeviceInfo&>(cuda().info()).shared_per_block = bytes;
  }
};

// Compute capability 8.6, 8.9 and 12.0: smaller tiles, or the kernels of any size.
TEST(NeighborhoodAttention, BackendsAgreeWhereBlocksHave99KB) {
  const SharedMemory small(size_t{99} << 10);
  check_backends({neighborhood_case(1, 9, 13, 1, 32, 7, 1, true),
                  neighborhood_case(1, 23, 24, 1, 32, 11, 1, true),
                  neighborhood_case(1, 28, 28, 1, 32, 13, 1, true)});
}
#endif

// Worked example: 6 x 7 map, kernel 3, dilation 2, one head of 2 channels, all values small
// fractions by formula.
TEST(NeighborhoodAttention, WorkedExample) {
  Tensor qkv = empty({1, 6, 7, 6}, DType::f64), dout = empty({1, 6, 7, 2}, DType::f64),
         rpb = empty({1, 5, 5}, DType::f64);
  for (int64_t i = 0; i < 6; ++i) {
    for (int64_t j = 0; j < 7; ++j) {
      for (int64_t c = 0; c < 2; ++c) {
        double* at = qkv.data<double>() + (i * 7 + j) * 6 + c;
        at[0] = static_cast<double>((7 * i + 3 * j + 5 * c) % 11 - 5) / 10;
        at[2] = static_cast<double>((5 * i + 2 * j + 3 * c + 1) % 13 - 6) / 10;
        at[4] = static_cast<double>((3 * i + 4 * j + 2 * c + 2) % 7 - 3) / 10;
        dout.data<double>()[(i * 7 + j) * 2 + c] =
            static_cast<double>((2 * i + 5 * j + c) % 9 - 4) / 10;
      }
    }
  }
  for (int64_t a = 0; a < 5; ++a) {
    for (int64_t b = 0; b < 5; ++b)
      rpb.data<double>()[a * 5 + b] = static_cast<double>((3 * a + 2 * b) % 5 - 2) / 10;
  }
  const NeighborhoodWindow window{1, 3, 2};
  const Tensor out = neighborhood_attention(qkv, rpb, window);
  const auto grads = neighborhood_attention_backward(dout, qkv, rpb, window);
  double loss = 0, sum = 0;
  for (int64_t i = 0; i < out.size(); ++i) {
    loss += out.data<double>()[i] * dout.data<double>()[i];
    sum += out.data<double>()[i];
  }
  EXPECT_NEAR(loss, -0.25977450760612664, 1e-14);
  EXPECT_NEAR(sum, 0.1854903571515857, 1e-14);
  EXPECT_NEAR(out.data<double>()[(2 * 7 + 3) * 2], 0.06402579, 5e-9);
  const double* d = grads.dqkv.data<double>() + (3 * 7 + 5) * 6;
  const double expected[] = {0.00030516, -0.00054547, 0.00270492,
                             0.00086852, 0.07606031,  -0.00134392};
  for (int i = 0; i < 6; ++i) EXPECT_NEAR(d[i], expected[i], 5e-9);
  EXPECT_NEAR(grads.drpb.data<double>()[0], 0.00052068, 5e-9);
  EXPECT_NEAR(grads.drpb.data<double>()[13], -0.03900238, 5e-9);
  double bias_sum = 0;
  for (const double value : values_of<double>(grads.drpb)) bias_sum += value;
  EXPECT_NEAR(bias_sum, 0, 1e-15) << "rows of a softmax gradient sum to 0";
  const Tensor p = neighborhood_attention_probabilities(qkv, rpb, window);
  EXPECT_NEAR(p.data<double>()[(2 * 7 + 3) * 9 + 3], 0.143535, 5e-7);
}

TEST(NeighborhoodAttention, DilationIsUndilatedAttentionOnInterleavedMaps) {
  const Tensor qkv = random_tensor({1, 10, 13, 12}, 3), rpb = random_tensor({2, 5, 5}, 4);
  const Tensor whole = neighborhood_attention(qkv, rpb, {2, 3, 3});
  for (int64_t ry = 0; ry < 3; ++ry) {
    for (int64_t rx = 0; rx < 3; ++rx) {
      const int64_t rows = (10 - ry + 2) / 3, cols = (13 - rx + 2) / 3;
      Tensor part = empty({1, rows, cols, 12}, DType::f64);
      for (int64_t i = 0; i < rows * cols; ++i) {
        const double* from =
            qkv.data<double>() + ((ry + i / cols * 3) * 13 + rx + i % cols * 3) * 12;
        std::copy(from, from + 12, part.data<double>() + i * 12);
      }
      const Tensor expected = neighborhood_attention(part, rpb, {2, 3, 1});
      for (int64_t i = 0; i < rows * cols; ++i) {
        const double* from =
            whole.data<double>() + ((ry + i / cols * 3) * 13 + rx + i % cols * 3) * 4;
        for (int64_t c = 0; c < 4; ++c)
          EXPECT_NEAR(from[c], expected.data<double>()[i * 4 + c], 1e-14);
      }
    }
  }
}

TEST(NeighborhoodAttention, AWindowOfTheWholeMapIsFullAttention) {
  const Tensor qkv = random_tensor({2, 7, 7, 24}, 5);
  const Tensor near = neighborhood_attention(qkv, Tensor(), {2, 7, 1});
  const Tensor full = attention(qkv.reshape({2, 49, 24}), 2);
  EXPECT_LT(relative_error(near.reshape({2, 49, 8}), full), 1e-14);
}

TEST(NeighborhoodAttention, AConstantBiasChangesNothing) {
  const Tensor qkv = random_tensor({1, 6, 6, 6}, 6);
  const Tensor shifted = neighborhood_attention(qkv, full({1, 5, 5}, 3.5, DType::f64), {1, 3, 2});
  EXPECT_LT(relative_error(shifted, neighborhood_attention(qkv, Tensor(), {1, 3, 2})), 1e-14);
}

TEST(NeighborhoodAttention, RefusesWhatDoesNotFit) {
  const Tensor qkv = empty({1, 5, 6, 12}, DType::f32);
  EXPECT_THROW(neighborhood_attention(qkv, Tensor(), {1, 3, 2}), ShapeError);
  EXPECT_THROW(neighborhood_attention(qkv, Tensor(), {1, 4, 1}), ShapeError);
  EXPECT_THROW(neighborhood_attention(qkv, Tensor(), {3, 3, 1}), ShapeError);
  EXPECT_THROW(neighborhood_attention(qkv, empty({1, 3, 3}, DType::f32), {1, 3, 1}), ShapeError);
}

}  // namespace
}  // namespace vicinity::testing
