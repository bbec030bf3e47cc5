// Images on their way into the network, on the CPU: rows of an image and of its partner together,
// a vector at a time. Compiled without fused multiply-adds (CMakeLists.txt): a mixed byte is
// decided at halves, where one rounding differs from timm's two.
#include "core/ops/normalize_images.h"

#define HWY_TARGET_INCLUDE "core/cpu/normalize_images.cpp"
#include "core/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

using Bytes = hn::Rebind<uint8_t, Lanes<float>::Tag>;
using Integers = hn::Rebind<int32_t, Lanes<float>::Tag>;

HWY_INLINE Lanes<float> load_bytes(const uint8_t* p, Whole) {
  return hn::ConvertTo(Lanes<float>::Tag(), hn::PromoteTo(Integers(), hn::LoadU(Bytes(), p)));
}
HWY_INLINE Lanes<float> load_bytes(const uint8_t* p, Some some) {
  uint8_t bytes[Lanes<float>::kCount] = {};
  for (int64_t i = 0; i < some.count; ++i) bytes[i] = p[i];
  return load_bytes(bytes, Whole{});
}

HWY_INLINE void store(Lanes<float> x, double* p, Whole) {
  float values[Lanes<float>::kCount];
  store(x, values, Whole{});
  for (int64_t i = 0; i < Lanes<float>::kCount; ++i) p[i] = static_cast<double>(values[i]);
}
HWY_INLINE void store(Lanes<float> x, double* p, Some some) {
  float values[Lanes<float>::kCount];
  store(x, values, Whole{});
  for (int64_t i = 0; i < some.count; ++i) p[i] = static_cast<double>(values[i]);
}

/// `bytes` for each vector of `count` values, the first of which is channel 0's. `mean` and `std`:
/// those of so many vectors as there are channels.
template <class T, class Load>
HWY_INLINE void normalize_run(int64_t count, const float* mean, const float* std, int64_t period,
                              T* y, Load&& bytes) {
  int64_t at = 0;
  for_lanes<float>(count, [&](int64_t i, auto part) {
    const Lanes<float> scaled = bytes(i, part) / Lanes<float>(255.0f);
    store((scaled - load(mean + at, Whole{})) / load(std + at, Whole{}), y + i, part);
    at += Lanes<float>::kCount;
    if (at == period) at = 0;
  });
}

template <class T>
void normalize_bytes(const uint8_t* x, int64_t count, const float* mean, const float* std,
                     int64_t channels, T* y) {
  normalize_run(count, mean, std, channels * Lanes<float>::kCount, y,
                [&](int64_t i, auto part) { return load_bytes(x + i, part); });
}

template <class T>
void normalize_mixed(const uint8_t* x, const uint8_t* partner, float own_share, float share,
                     int64_t count, const float* mean, const float* std, int64_t channels, T* y) {
  normalize_run(count, mean, std, channels * Lanes<float>::kCount, y, [&](int64_t i, auto part) {
    const Lanes<float> own = load_bytes(x + i, part) * Lanes<float>(own_share);
    const Lanes<float> other = load_bytes(partner + i, part) * Lanes<float>(share);
    return Lanes<float>(hn::Round((own + other).v));
  });
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "core/cpu/random_lanes.h"

namespace vicinity::kernels {
namespace {

constexpr int64_t kMostLanes = 16;  // floats of the widest vector

// What channel c has, again and again, for as many vectors as there are channels.
std::vector<float> repeated(const std::vector<float>& each) {
  std::vector<float> all;
  for (int64_t i = 0; i < kMostLanes; ++i) all.insert(all.end(), each.begin(), each.end());
  return all;
}

// Rows top .. bottom - 1 and columns left .. right - 1.
struct PixelBox {
  int64_t top = 0, left = 0, bottom = 0, right = 0;

  template <class Number>
  static PixelBox of(const Number* n) {
    return {static_cast<int64_t>(n[0]), static_cast<int64_t>(n[1]), static_cast<int64_t>(n[2]),
            static_cast<int64_t>(n[3])};
  }
  bool meets(int64_t row) const { return top <= row && row < bottom && left < right; }
};

struct Mix {
  float own = 1, partner = 0;
  PixelBox box;

  explicit Mix(const Tensor& mix) {
    if (!mix.defined()) return;
    const float* numbers = mix.data<float>();
    own = numbers[0];
    partner = numbers[1];
    box = PixelBox::of(numbers + 2);
  }
};

// Elements from .. to - 1 of an image become noise.
template <class T>
void fill_noise(const RandomStream& stream, int64_t from, int64_t to, T* image) {
  Draws draws;
  LaneValues values;
  while (from < to) {
    const int64_t block = from / 4, end = std::min(to, 4 * block + kDraws);
    draw_lanes(stream, static_cast<uint64_t>(block), draws);
    normal_lanes(draws, values);
    for (; from < end; ++from) {
      const int64_t i = from - 4 * block;
      image[from] = static_cast<T>(static_cast<Compute<T>>(values[i % 4][i / 4]));
    }
  }
}

// The images of a leaf, a row at a time.
template <class T>
class Rows {
 public:
  Rows(const Tensor& x, const std::vector<float>& mean, const std::vector<float>& std,
       const ImageChanges& changes, Tensor& y)
      : images_(x.dim(0)),
        width_(x.dim(2)),
        channels_(x.dim(3)),
        image_size_(x.dim(1) * width_ * channels_),
        x_(x.data<uint8_t>()),
        mean_(repeated(mean)),
        std_(repeated(std)),
        mix_(changes.mix),
        erase_(changes.erase.defined() ? changes.erase.data<int32_t>() : nullptr),
        seed_(changes.seed),
        y_(y.data<T>()) {}

  void row(int64_t image, int64_t row) const {
    if (mix_.box.meets(row)) {
      mixed(image, row, 0, mix_.box.left);
      plain(image, images_ - 1 - image, row, mix_.box.left, mix_.box.right);
      mixed(image, row, mix_.box.right, width_);
    } else {
      mixed(image, row, 0, width_);
    }
    if (erase_ != nullptr) erase(image, row);
  }

 private:
  int64_t place(int64_t image, int64_t row, int64_t column) const {
    return image * image_size_ + (row * width_ + column) * channels_;
  }
  // Columns left .. right - 1 of `image` from those of image `source`.
  void plain(int64_t image, int64_t source, int64_t row, int64_t left, int64_t right) const {
    bytes_(x_ + place(source, row, left), (right - left) * channels_, mean_.data(), std_.data(),
           channels_, y_ + place(image, row, left));
  }
  void mixed(int64_t image, int64_t row, int64_t left, int64_t right) const {
    if (mix_.own == 1 && mix_.partner == 0) return plain(image, image, row, left, right);
    mixed_(x_ + place(image, row, left), x_ + place(images_ - 1 - image, row, left), mix_.own,
           mix_.partner, (right - left) * channels_, mean_.data(), std_.data(), channels_,
           y_ + place(image, row, left));
  }
  void erase(int64_t image, int64_t row) const {
    const int32_t* numbers = erase_ + 6 * image;
    const PixelBox box = PixelBox::of(numbers);
    if (!box.meets(row)) return;
    const auto low = static_cast<uint32_t>(numbers[4]), high = static_cast<uint32_t>(numbers[5]);
    fill_noise({seed_, Purpose::erasing, uint64_t{high} << 32 | low}, place(0, row, box.left),
               place(0, row, box.right), y_ + image * image_size_);
  }

  int64_t images_, width_, channels_, image_size_;
  const uint8_t* x_;
  std::vector<float> mean_, std_;
  Mix mix_;
  const int32_t* erase_;
  uint64_t seed_;
  T* y_;
  decltype(VIC_SIMD(normalize_bytes<T>)) bytes_ = VIC_SIMD(normalize_bytes<T>);
  decltype(VIC_SIMD(normalize_mixed<T>)) mixed_ = VIC_SIMD(normalize_mixed<T>);
};

}  // namespace

void normalize_images(Cpu& cpu, const Tensor& x, const std::vector<float>& mean,
                      const std::vector<float>& std, const ImageChanges& changes, Tensor& y) {
  const int64_t channels = x.dim(-1);
  for_float_dtype(y.dtype(), [&]<class T>() {
    if (!changes.mix.defined() && !changes.erase.defined()) {
      const std::vector<float> means = repeated(mean), deviations = repeated(std);
      const auto run = VIC_SIMD(normalize_bytes<T>);
      cpu.parallel_chunks(x.size() / channels, 1 << 13, [&](int64_t begin, int64_t end) {
        run(x.data<uint8_t>() + begin * channels, (end - begin) * channels, means.data(),
            deviations.data(), channels, y.data<T>() + begin * channels);
      });
      return;
    }
    const Rows<T> rows(x, mean, std, changes, y);
    const int64_t images = x.dim(0), height = x.dim(1);
    cpu.parallel_rows((images + 1) / 2 * height, 2 * x.dim(2) * channels, [&](int64_t i) {
      const int64_t image = i / height, partner = images - 1 - image;
      rows.row(image, i % height);
      if (partner != image) rows.row(partner, i % height);
    });
  });
}

}  // namespace vicinity::kernels
#endif
