// The second kernel of every sum over rows.
//   bytes     the partial sums once (at most 264 rows of three arrays)
//   numerics  f32: each of eight warps adds an eighth of the parts in order, then the eight are
//             added in order
#include "core/cuda/partials.cuh"

namespace vicinity::kernels {
namespace {

constexpr int kWarps = 8;
constexpr int kAhead = 8;  // loads under way before the first is added

/// A block per array and 32 columns.
DEV_KERNEL void add_partials_kernel(const float* partials, float* first, float* second,
                                    float* third, int64_t parts, int64_t arrays, int64_t columns) {
  DEV_SHARED(float, sums, kWarps* dev::kWarp);
  const int64_t tiles = dev::ceil_div(columns, int64_t{dev::kWarp});
  const int64_t array = dev::block() / tiles;
  const int64_t column = dev::block() % tiles * dev::kWarp + dev::lane();
  float* total = array == 0 ? first : array == 1 ? second : third;
  const bool wanted = column < columns && total != nullptr;
  const int64_t share = dev::ceil_div(parts, int64_t{kWarps});
  const int64_t begin = dev::warp() * share;
  const int64_t end = begin + share < parts ? begin + share : parts;
  float sum = 0;
  for (int64_t first = begin; wanted && first < end; first += kAhead) {
    float values[kAhead];
    DEV_UNROLL
    for (int k = 0; k < kAhead; ++k) {
      const int64_t part = first + k;
      values[k] = part < end ? partials[(part * arrays + array) * columns + column] : 0.0f;
    }
    DEV_UNROLL
    for (int k = 0; k < kAhead; ++k) sum += values[k];
  }
  sums[dev::thread()] = sum;
  dev::sync();
  if (dev::warp() > 0 || !wanted) return;
  for (int w = 1; w < kWarps; ++w) sum += sums[w * dev::kWarp + dev::lane()];
  total[column] = sum;
}

}  // namespace

void add_partials(Cuda& cuda, const Tensor& partials, const std::array<float*, 3>& totals) {
  const int64_t arrays = partials.dim(1), columns = partials.dim(2);
  dev::launch(cuda, "add_partials", add_partials_kernel,
              {arrays * dev::ceil_div(columns, int64_t{dev::kWarp}), kWarps * dev::kWarp},
              partials.data<float>(), totals[0], totals[1], totals[2], partials.dim(0), arrays,
              columns);
}

}  // namespace vicinity::kernels
