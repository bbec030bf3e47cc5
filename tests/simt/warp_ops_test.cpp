// The warp ops of core/cuda/dev.h against plain loops.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "core/base/random.h"
#include "tests/simt/fault.h"

namespace vicinity {
namespace {

using testing::run;
using testing::Schedule;

/// One warp with little to do, in its own order of lanes and in others.
template <class Test>
void in_every_order(const Test& test) {
  for (const uint64_t seed : {0, 1, 2, 3}) {
    SCOPED_TRACE(str("schedule ", seed));
    const Schedule schedule(seed);
    test();
  }
}

// --- exchanges

struct Exchanged {
  int by_xor[32], rotated[32], from_five[32];
  double wide[32];
  unsigned odd[32], all[32], none[32];
};

DEV_KERNEL void exchange_kernel(Exchanged* out, int mask) {
  const int l = dev::lane();
  for (int round = 0; round < 3; ++round) {  // what a lane brings is not taken for the round before
    out->by_xor[l] = dev::shuffle_xor(100 * round + l, mask);
    out->rotated[l] = dev::shuffle(100 * round + l, l + 1);
  }
  out->from_five[l] = dev::shuffle(l, 5);
  out->wide[l] = dev::shuffle_xor(0.1 * l, mask);
  out->odd[l] = dev::ballot(l % 2 == 1);
  out->all[l] = dev::ballot(true);
  out->none[l] = dev::ballot(false);
}

TEST(WarpOps, ShufflesAndBallots) {
  in_every_order([] {
    for (const int mask : {1, 2, 4, 8, 16, 31}) {
      Exchanged out{};
      run(exchange_kernel, {.threads = 32}, &out, mask);
      for (int l = 0; l < 32; ++l) {
        EXPECT_EQ(out.by_xor[l], 200 + (l ^ mask));
        EXPECT_EQ(out.rotated[l], 200 + (l + 1) % 32);
        EXPECT_EQ(out.from_five[l], 5);
        EXPECT_EQ(out.wide[l], 0.1 * (l ^ mask));
        EXPECT_EQ(out.odd[l], 0xaaaaaaaau);
        EXPECT_EQ(out.all[l], 0xffffffffu);
        EXPECT_EQ(out.none[l], 0u);
      }
    }
  });
}

DEV_KERNEL void sums_kernel(const float* x, float* y) {
  DEV_SHARED(float, scratch, dev::kWarp);
  const int i = dev::thread(), n = dev::block_size();
  y[i] = dev::warp_sum(x[i]);
  y[n + i] = dev::warp_max(x[i]);
  y[2 * n + i] = dev::block_sum(x[i], scratch);
  y[3 * n + i] = dev::block_sum(-x[i], scratch);
}

TEST(WarpOps, SumsAndMaxima) {
  in_every_order([] {
    constexpr int n = 96;
    std::vector<float> x(n), y(4 * n);
    for (int i = 0; i < n; ++i) x[i] = static_cast<float>((i * 37) % 101 - 50);
    run(sums_kernel, {.threads = n}, x.data(), y.data());
    float total = 0;
    std::array<float, 3> sums{}, maxima{-1e9f, -1e9f, -1e9f};
    for (int i = 0; i < n; ++i) {
      total += x[i];
      sums[i / 32] += x[i];
      maxima[i / 32] = std::max(maxima[i / 32], x[i]);
    }
    for (int i = 0; i < n; ++i) {
      EXPECT_EQ(y[i], sums[i / 32]);
      EXPECT_EQ(y[n + i], maxima[i / 32]);
      EXPECT_EQ(y[2 * n + i], total);
      EXPECT_EQ(y[3 * n + i], -total);
    }
  });
}

// --- matrices

std::vector<float> whole_numbers(size_t n, uint64_t seed) {  // exact in bf16, and their sums in f32
  Random random(seed, Purpose::test);
  std::vector<float> x(n);
  for (float& value : x) value = static_cast<float>(random.below(17)) - 8;
  return x;
}

/// d[16, 8] = a[16, 16] b[16, 8] + d, with operands placed as core/cuda/dev_gpu.h says.
DEV_KERNEL void mma_kernel(const float* a, const float* b, float* d) {
  const int g = dev::lane() / 4, t = dev::lane() % 4;
  const auto pair = [](const float* row, int stride) {
    return dev::pack_bf16(row[0], row[stride]);
  };
  const uint32_t fa[4] = {pair(a + g * 16 + 2 * t, 1), pair(a + (g + 8) * 16 + 2 * t, 1),
                          pair(a + g * 16 + 2 * t + 8, 1), pair(a + (g + 8) * 16 + 2 * t + 8, 1)};
  const uint32_t fb[2] = {pair(b + 2 * t * 8 + g, 8), pair(b + (2 * t + 8) * 8 + g, 8)};
  float* const low = d + g * 8 + 2 * t;
  float* const high = low + 8 * 8;
  float fd[4] = {low[0], low[1], high[0], high[1]};
  dev::mma_16816(fd, fa, fb);
  low[0] = fd[0];
  low[1] = fd[1];
  high[0] = fd[2];
  high[1] = fd[3];
}

TEST(WarpOps, Mma) {
  in_every_order([] {
    const std::vector<float> a = whole_numbers(256, 1), b = whole_numbers(128, 2);
    std::vector<float> d = whole_numbers(128, 3), expected = d;
    for (int i = 0; i < 16; ++i) {
      for (int j = 0; j < 8; ++j) {
        for (int k = 0; k < 16; ++k) expected[i * 8 + j] += a[i * 16 + k] * b[k * 8 + j];
      }
    }
    run(mma_kernel, {.threads = 32}, a.data(), b.data(), d.data());
    EXPECT_EQ(d, expected);
  });
}

/// Four 8 x 8 matrices, rows of 16 bytes, then what each lane holds of them.
DEV_KERNEL void load_matrices_kernel(const uint16_t* x, uint32_t* plain, uint32_t* transposed) {
  DEV_SHARED(dev::Chunk, rows, 32);
  rows[dev::thread()] = reinterpret_cast<const dev::Chunk*>(x)[dev::thread()];
  dev::sync();
  uint32_t r[4];
  dev::load_matrices(r, rows + dev::lane());
  for (int m = 0; m < 4; ++m) plain[4 * dev::lane() + m] = r[m];
  dev::load_matrices_transposed(r, rows + dev::lane());
  rows[dev::thread()] = {};  // every lane has read by now
  for (int m = 0; m < 4; ++m) transposed[4 * dev::lane() + m] = r[m];
}

TEST(WarpOps, LoadMatrices) {
  in_every_order([] {
    alignas(16) std::array<uint16_t, 256> x;
    for (int i = 0; i < 256; ++i) x[i] = static_cast<uint16_t>(1000 + i);
    std::vector<uint32_t> plain(128), transposed(128);
    run(load_matrices_kernel, {.threads = 32}, x.data(), plain.data(), transposed.data());
    for (int l = 0; l < 32; ++l) {
      for (int m = 0; m < 4; ++m) {
        const auto at = [&](int i, int j) { return uint32_t{x[64 * m + 8 * i + j]}; };
        const int i = l / 4, j = 2 * (l % 4);
        EXPECT_EQ(plain[4 * l + m], at(i, j) | at(i, j + 1) << 16) << "lane " << l;
        EXPECT_EQ(transposed[4 * l + m], at(j, i) | at(j + 1, i) << 16) << "lane " << l;
      }
    }
  });
}

/// d[16, 8] = a[16, 16] b[16, 8] from shared memory, as attention kernels do it: a by
/// load_matrices, b by its transposed form.
DEV_KERNEL void tile_product_kernel(const float* a, const float* b, float* d) {
  DEV_SHARED(dev::Chunk, chunks_of_a, 32);
  DEV_SHARED(dev::Chunk, chunks_of_b, 16);
  auto* ta = reinterpret_cast<bf16*>(chunks_of_a);
  auto* tb = reinterpret_cast<bf16*>(chunks_of_b);
  for (int i = dev::thread(); i < 256; i += 32) ta[i] = dev::to_bf16(a[i]);
  for (int i = dev::thread(); i < 128; i += 32) tb[i] = dev::to_bf16(b[i]);
  dev::sync();
  const int l = dev::lane();
  uint32_t fa[4], fb[4];
  dev::load_matrices(fa, ta + (l % 16) * 16 + l / 16 * 8);
  dev::load_matrices_transposed(fb, tb + (l % 16) * 8);
  const uint32_t first[2] = {fb[0], fb[1]};
  float fd[4] = {};
  dev::mma_16816(fd, fa, first);
  for (int e = 0; e < 4; ++e) d[(l / 4 + 8 * (e / 2)) * 8 + 2 * (l % 4) + e % 2] = fd[e];
}

TEST(WarpOps, MatricesFeedMma) {
  const std::vector<float> a = whole_numbers(256, 4), b = whole_numbers(128, 5);
  std::vector<float> d(128), expected(128);
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 8; ++j) {
      for (int k = 0; k < 16; ++k) expected[i * 8 + j] += a[i * 16 + k] * b[k * 8 + j];
    }
  }
  run(tile_product_kernel, {.threads = 32}, a.data(), b.data(), d.data());
  EXPECT_EQ(d, expected);
}

}  // namespace
}  // namespace vicinity
