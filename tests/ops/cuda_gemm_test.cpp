// Products through the seam (core/runtime/cuda_api.h): on a GPU cublasLt's descriptors and layouts,
// emulated the plain loops in their place.
#if defined(VICINITY_CUDA)
#include <vector>

#include "core/runtime/cuda.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

/// Whole numbers, exact in bf16, and so are their sums below.
Tensor whole_numbers(int64_t n, DType dtype, uint64_t seed) {
  Random random(seed, Purpose::test);
  Tensor x = empty({n}, DType::f32);
  for (int64_t i = 0; i < n; ++i) x.data<float>()[i] = static_cast<float>(random.below(5)) - 2;
  return cast(x, dtype);
}

/// The definition in core/runtime/cuda_api.h, element by element.
std::vector<float> expected_product(const cuda_api::Gemm& p, const Tensor& a, const Tensor& b,
                                    const Tensor& bias) {
  const std::vector<float> va = values_of<float>(cast(a, DType::f32));
  const std::vector<float> vb = values_of<float>(cast(b, DType::f32));
  const std::vector<float> vbias = values_of<float>(cast(bias, DType::f32));
  std::vector<float> c(p.batch * p.m * p.n);
  for (int64_t at = 0; at < static_cast<int64_t>(c.size()); ++at) {
    const int64_t batch = at / (p.m * p.n), i = at / p.n % p.m, j = at % p.n;
    float sum = p.bias != nullptr ? vbias[j] : 0;
    for (int64_t l = 0; l < p.k; ++l) {
      const int64_t in_a = p.a_transposed ? l * p.m + i : i * p.k + l;
      const int64_t in_b = p.b_transposed ? j * p.k + l : l * p.n + j;
      sum += va[batch * p.m * p.k + in_a] * vb[batch * p.k * p.n + in_b];
    }
    c[at] = sum;
  }
  return c;
}

void expect_product(cuda_api::Gemm p, bool with_bias) {
  const Tensor a = whole_numbers(p.batch * p.m * p.k, p.in, 1);
  const Tensor b = whole_numbers(p.batch * p.k * p.n, p.in, 2);
  const Tensor bias = whole_numbers(p.n, p.out, 3);
  const Tensor on_a = to_device(a, kCuda), on_b = to_device(b, kCuda);
  const Tensor on_bias = to_device(bias, kCuda);
  const Tensor c = empty({p.batch * p.m * p.n}, p.out, kCuda);
  p.a = on_a.raw();
  p.b = on_b.raw();
  p.c = c.raw();
  p.bias = with_bias ? on_bias.raw() : nullptr;
  cuda().gemm(p);
  EXPECT_EQ(values_of<float>(cast(to_device(c, kCpu), DType::f32)),
            expected_product(p, a, b, bias));
}

TEST(CudaGemm, EveryLayoutTypeBiasAndBatch) {
  if (!cuda_is_there()) GTEST_SKIP() << why_no_cuda();
  constexpr DType kTypes[][2] = {
      {DType::f32, DType::f32}, {DType::bf16, DType::bf16}, {DType::bf16, DType::f32}};
  for (const auto& [in, out] : kTypes) {
    for (int bits = 0; bits < 16; ++bits) {
      const bool a_transposed = bits & 1, b_transposed = bits & 2, with_bias = bits & 4;
      const int64_t batch = (bits & 8) != 0 ? 3 : 1;
      SCOPED_TRACE(str(in, " to ", out, a_transposed ? ", a transposed" : "",
                       b_transposed ? ", b transposed" : "", with_bias ? ", bias" : "", ", batch ",
                       batch));
      expect_product({.m = 5,
                      .n = 7,
                      .k = 11,
                      .a_transposed = a_transposed,
                      .b_transposed = b_transposed,
                      .in = in,
                      .out = out,
                      .batch = batch},
                     with_bias);
    }
  }
}

}  // namespace
}  // namespace vicinity::testing
#endif
