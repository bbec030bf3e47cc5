// From bytes to what a network reads. A byte has 256 values: each block makes a table of what they
// become in each channel.
//   bytes     x + y; with changes a thread has the same places of an image and of its partner, so
//             that each is read once
//   numerics  the CPU's to the bit: each step of a table's entry rounds to float, then to T; mixed
//             bytes as core/ops/normalize_images.h says. Noise differs by rounding
//   sizes     eight bytes a thread are 16 bytes of bf16 and two blocks of normals; four rounds of
//             them pay for the table
#include "core/ops/normalize_images.h"

#include "core/cuda/image_changes.cuh"
#include "core/cuda/runs.cuh"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = kByteValues;
constexpr int kBytes = 8;
constexpr int kRounds = 4;
constexpr int64_t kBlock = int64_t{kThreads} * kBytes * kRounds;  // bytes
constexpr int kMaxChannels = 8;

struct Statistics {
  float mean[kMaxChannels];
  float std[kMaxChannels];
};

template <class T>
DEV_FN T normalized(int byte, float mean, float std) {
  const float scaled = dev::divide(static_cast<float>(byte), 255.0f);
  return dev::from_float<T>(dev::divide(dev::subtract(scaled, mean), std));
}

// table[256 c + v]: what byte v of channel c becomes. To be read after a barrier.
template <class T>
DEV_FN void fill_table(T* table, int channels, const Statistics& statistics) {
  DEV_UNROLL
  for (int c = 0; c < kMaxChannels; ++c) {
    if (c >= channels) continue;
    table[c * kThreads + dev::thread()] =
        normalized<T>(dev::thread(), statistics.mean[c], statistics.std[c]);
  }
}

// n: neighbouring bytes that are read at once.
template <class T, int n>
DEV_KERNEL void normalize_images_kernel(const uint8_t* x, T* y, int64_t size, int channels,
                                        Statistics statistics) {
  DEV_SHARED(T, table, kMaxChannels * kByteValues);
  fill_table(table, channels, statistics);
  dev::sync();
  constexpr int kPart = n < kPerChunk<T> ? n : kPerChunk<T>;
  const int64_t begin = dev::block() * kBlock;
  const int first_channel = static_cast<int>(begin % channels);
  const int end = static_cast<int>(size - begin < kBlock ? size - begin : kBlock);
  for (int i = dev::thread() * n; i < end; i += kThreads * n) {
    const dev::Pack<uint8_t, n> bytes = dev::load_pack<n>(x + begin + i);
    int c = (first_channel + i) % channels;
    DEV_UNROLL
    for (int part = 0; part < n; part += kPart) {
      dev::Pack<T, kPart> out;
      DEV_UNROLL
      for (int k = 0; k < kPart; ++k) {
        out.at[k] = table[c * kThreads + bytes.at[part + k]];
        c = c + 1 < channels ? c + 1 : 0;
      }
      dev::store_pack(y + begin + i + part, out);
    }
  }
}

// A block has `kBlock` elements of an image and those of its partner.
template <class T, int n>
DEV_KERNEL void change_images_kernel(const uint8_t* x, T* y, ImageShape shape, int parts,
                                     Statistics statistics, const float* mix_numbers,
                                     const int32_t* erase_numbers, dev::PhiloxKey key) {
  DEV_SHARED(T, table, kMaxChannels * kByteValues);
  fill_table(table, shape.channels, statistics);
  dev::sync();
  const int64_t image = dev::block() / parts, partner = shape.images - 1 - image;
  const Mix mix(mix_numbers, shape.channels);
  const Erase erase(erase_numbers, image, shape.channels, key);
  const Erase erase_partner(erase_numbers, partner, shape.channels, key);
  const int64_t begin = dev::block() % parts * kBlock;
  const auto end = static_cast<int>(shape.size - begin < kBlock ? shape.size : begin + kBlock);
  for (int i = static_cast<int>(begin) + dev::thread() * n; i < end; i += kThreads * n) {
    const int64_t here = image * shape.size + i, there = partner * shape.size + i;
    const dev::Pack<uint8_t, n> a = dev::load_pack<n>(x + here), b = dev::load_pack<n>(x + there);
    dev::store_pack(y + here, changed<T, n>(a, b, i, shape, mix, erase, table));
    if (partner != image)
      dev::store_pack(y + there, changed<T, n>(b, a, i, shape, mix, erase_partner, table));
  }
}

Statistics statistics_of(const std::vector<float>& mean, const std::vector<float>& std) {
  VIC_CHECK(ShapeError, mean.size() <= kMaxChannels, "normalize_images: CUDA takes images of ",
            kMaxChannels, " channels at most, not of ", mean.size());
  Statistics statistics{};
  std::copy(mean.begin(), mean.end(), statistics.mean);
  std::copy(std.begin(), std.end(), statistics.std);
  return statistics;
}

void change_images(Cuda& cuda, const Tensor& x, const Statistics& statistics,
                   const ImageChanges& changes, Tensor& y) {
  const int64_t size = x.size() / x.dim(0), row = x.dim(2) * x.dim(3);
  VIC_CHECK(ShapeError, size <= INT32_MAX - kBlock, "normalize_images: images of ", x.shape(),
            " are too large to be changed on CUDA");
  const ImageShape shape{x.dim(0), static_cast<int>(size), static_cast<int>(row),
                         static_cast<int>(x.dim(3))};
  const int64_t parts = dev::ceil_div(size, kBlock);
  for_cuda_dtype(y.dtype(), [&]<class T>() {
    for_run<uint8_t, kBytes>(static_cast<uint64_t>(size) | address_of(x), [&]<int n>() {
      dev::launch(cuda, "change_images", change_images_kernel<T, n>,
                  LaunchShape{(x.dim(0) + 1) / 2 * parts, kThreads}, x.data<uint8_t>(), y.data<T>(),
                  shape, parts, statistics, data_or_null<float>(changes.mix),
                  data_or_null<int32_t>(changes.erase),
                  dev::philox_key_of(changes.seed, Purpose::erasing));
    });
  });
}

}  // namespace

void normalize_images(Cuda& cuda, const Tensor& x, const std::vector<float>& mean,
                      const std::vector<float>& std, const ImageChanges& changes, Tensor& y) {
  const Statistics statistics = statistics_of(mean, std);
  if (changes.mix.defined() || changes.erase.defined())
    return change_images(cuda, x, statistics, changes, y);
  for_cuda_dtype(y.dtype(), [&]<class T>() {
    for_run<uint8_t, kBytes>(static_cast<uint64_t>(x.size()) | address_of(x), [&]<int n>() {
      dev::launch(cuda, "normalize_images", normalize_images_kernel<T, n>,
                  LaunchShape{dev::ceil_div(x.size(), kBlock), kThreads}, x.data<uint8_t>(),
                  y.data<T>(), x.size(), mean.size(), statistics);
    });
  });
}

}  // namespace vicinity::kernels
