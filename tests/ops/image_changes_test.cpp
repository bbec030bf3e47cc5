// What normalize_images changes in images on their way: Mixup, CutMix, random erasing. timm's own
// results are compared in tests/train/mixing_test.cpp.
#include "core/ops/mix_labels.h"
#include "core/ops/random_fill.h"
#include "tests/reference/normalize_images.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

struct Channels {
  std::vector<float> mean, std;
};
Channels some_channels(int64_t count) {
  Channels channels;
  for (int64_t c = 0; c < count; ++c) {
    channels.mean.push_back(0.1f + 0.11f * static_cast<float>(c));
    channels.std.push_back(0.229f + 0.01f * static_cast<float>(c));
  }
  return channels;
}

Tensor some_bytes(const Shape& shape) {
  Tensor x = empty(shape, DType::u8);
  Random random(5, Purpose::test);
  for (int64_t i = 0; i < x.size(); ++i) x.data<uint8_t>()[i] = static_cast<uint8_t>(random.next());
  return x;
}

Tensor mix_of(float own, float partner, const std::vector<int64_t>& box) {
  std::vector<float> numbers = {own, partner};
  for (const int64_t side : box) numbers.push_back(static_cast<float>(side));
  return tensor_of<float>({6}, numbers);
}

// Boxes of all kinds: inside, none, one pixel, a side long; and streams of all 64 bits.
Tensor some_boxes(const Shape& shape) {
  const auto height = static_cast<int32_t>(shape[1]), width = static_cast<int32_t>(shape[2]);
  std::vector<int32_t> numbers;
  for (int32_t i = 0; i < shape[0]; ++i) {
    const std::vector<std::vector<int32_t>> kinds = {
        {height / 3, width / 4, height - height / 4, width - 1},
        {0, 0, 0, 0},
        {height - 1, width - 1, height, width},
        {0, width / 2, height, width}};
    const std::vector<int32_t>& box = kinds[static_cast<size_t>(i) % kinds.size()];
    numbers.insert(numbers.end(), box.begin(), box.end());
    numbers.insert(numbers.end(), {-17 * (i + 1), 3 * i - 1});
  }
  return tensor_of<int32_t>({shape[0], 6}, numbers);
}

struct Case {
  std::string name;
  Tensor x;
  ImageChanges changes;
};

// Rows and images that fit vectors of eight and others, an odd number of images, one image; images
// of several blocks of a kernel.
std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const Shape& shape :
       {Shape{1, 1, 1, 1}, Shape{1, 7, 5, 3}, Shape{3, 5, 8, 3}, Shape{2, 56, 60, 3},
        Shape{5, 31, 9, 1}, Shape{2, 16, 12, 8}, Shape{3, 6, 7, 5}}) {
    const Tensor x = some_bytes(shape), mixup = mix_of(0.3f, 0.7f, {0, 0, 0, 0}),
                 cutmix = mix_of(1, 0, {shape[1] / 4, shape[2] / 3, shape[1] - 1, shape[2]}),
                 both = mix_of(0.75f, 0.25f, {0, 1, shape[1], shape[2] - 1}),
                 boxes = some_boxes(shape);
    const auto add = [&, shape = shape](const char* what, const Tensor& mix, const Tensor& erase) {
      cases.push_back({str(what, " ", shape), x, {mix, erase, 11}});
    };
    add("mixup", mixup, Tensor());
    add("cutmix", cutmix, Tensor());
    add("a mix around a box", both, Tensor());
    add("erase", Tensor(), boxes);
    add("mixup, erase", mixup, boxes);
    add("cutmix, erase", cutmix, boxes);
  }
  return cases;
}

Tensor changed(const Case& c, DType dtype, Device device) {
  const auto [mean, std] = some_channels(c.x.dim(3));
  const ImageChanges changes{to_device(c.changes.mix, device), to_device(c.changes.erase, device),
                             c.changes.seed};
  return to_device(normalize_images(to_device(c.x, device), mean, std, dtype, changes), kCpu);
}

// Bits outside boxes, noise within rounding.
void expect_changed(const Case& c, const Tensor& y) {
  const auto [mean, std] = some_channels(c.x.dim(3));
  const reference::ChangedImages expected = reference::change_images(c.x, mean, std, c.changes);
  const Tensor bits =
                   cast(cast(tensor_of<double>(y.shape(), expected.values), y.dtype()), DType::f64),
               values = cast(y, DType::f64);
  const double near = y.dtype() == DType::bf16 ? 0.0079 : 2e-6;
  for (int64_t i = 0; i < y.size(); ++i) {
    const double want = bits.data<double>()[i], got = values.data<double>()[i];
    if (expected.noise[static_cast<size_t>(i)]) {
      ASSERT_NEAR(got, want, near * std::max(1.0, std::abs(want))) << "element " << i;
    } else {
      ASSERT_EQ(got, want) << "element " << i;
    }
  }
}

TEST(ImageChanges, AgreeWithTheReference) {
  for (const Case& c : all_cases()) {
    SCOPED_TRACE(c.name);
    expect_changed(c, changed(c, DType::f64, kCpu));
    for (const Device device : test_devices()) {
      SCOPED_TRACE(device == kCpu ? "cpu" : "cuda");
      for (const DType dtype : {DType::f32, DType::bf16}) {
        const Tensor y = changed(c, dtype, device);
        expect_changed(c, y);
        const Schedule another_order(1);
        EXPECT_TRUE(same_bits(y, changed(c, dtype, device)));
      }
    }
  }
}

TEST(ImageChanges, SameBitsOnAnyThreadCount) {
  const int before = cpu().threads();
  for (const Case& c : all_cases()) {
    cpu().set_threads(1);
    const Tensor one = changed(c, DType::f32, kCpu);
    for (const int threads : {2, 4}) {
      cpu().set_threads(threads);
      EXPECT_TRUE(same_bits(one, changed(c, DType::f32, kCpu))) << c.name << ", " << threads;
    }
  }
  cpu().set_threads(before);
}

TEST(ImageChanges, NoiseIsThatOfTheStreamToTheBit) {
  const Shape shape{4, 37, 29, 3};
  const Case c{"", some_bytes(shape), {Tensor(), some_boxes(shape), 11}};
  const Tensor y = changed(c, DType::f32, kCpu);
  for (int64_t image = 0; image < 4; ++image) {
    const int32_t* numbers = c.changes.erase.data<int32_t>() + 6 * image;
    const uint64_t stream =
        uint64_t{static_cast<uint32_t>(numbers[5])} << 32 | static_cast<uint32_t>(numbers[4]);
    Tensor noise = empty({37, 29, 3}, DType::f32);
    normal_(noise, 1, {11, Purpose::erasing, stream});
    for (int64_t i = 0; i < noise.size(); ++i) {
      if (!reference::inside(numbers, i / 87, i / 3 % 29)) continue;
      ASSERT_EQ(y.data<float>()[image * noise.size() + i], noise.data<float>()[i]) << i;
    }
  }
}

// Two roundings and a fused multiply-add differ in about one of 100,000 of them.
TEST(ImageChanges, AllPairsOfBytesRoundAsTimms) {
  Tensor x = empty({2, 256, 256, 1}, DType::u8);
  for (int64_t i = 0; i < 65536; ++i) {
    x.data<uint8_t>()[i] = static_cast<uint8_t>(i / 256);
    x.data<uint8_t>()[65536 + i] = static_cast<uint8_t>(i);
  }
  Random random(4, Purpose::test);
  for (int trial = 0; trial < 40; ++trial) {
    const double share = random.uniform_double();
    const auto own = static_cast<float>(share), partner = static_cast<float>(1 - share);
    const Tensor y =
        normalize_images(x, {0}, {1}, DType::f32, {.mix = mix_of(own, partner, {0, 0, 0, 0})});
    for (int i = 0; i < 65536; ++i) {
      const auto product = [](float factor, int byte) {
        return static_cast<double>(static_cast<float>(static_cast<double>(factor) * byte));
      };
      const double sum = product(own, i / 256) + product(partner, i % 256);
      const float byte = std::nearbyint(static_cast<float>(sum));
      ASSERT_EQ(y.data<float>()[i], byte / 255.0f) << share << ' ' << i / 256 << ' ' << i % 256;
    }
  }
}

// Of one image, and of the middle one of three: what a byte mixed with itself makes.
TEST(ImageChanges, AnImageThatIsItsOwnPartnerStays) {
  std::vector<uint8_t> bytes;
  for (int v = 0; v < 256; ++v) bytes.push_back(static_cast<uint8_t>(v));
  const Tensor x = tensor_of<uint8_t>({1, 16, 16, 1}, bytes);
  const Tensor expected = normalize_images(x, {0.5f}, {0.25f}, DType::f32);
  Random random(2, Purpose::test);
  for (int trial = 0; trial < 1000; ++trial) {
    const double share = random.uniform_double();
    const Tensor mix =
        mix_of(static_cast<float>(share), static_cast<float>(1 - share), {2, 3, 9, 11});
    ASSERT_TRUE(same_bits(normalize_images(x, {0.5f}, {0.25f}, DType::f32, {.mix = mix}), expected))
        << share;
  }
  const Case three{"", some_bytes({3, 4, 6, 3}), {mix_of(0.3f, 0.7f, {0, 0, 0, 0}), Tensor(), 0}};
  const auto [mean, std] = some_channels(3);
  EXPECT_TRUE(same_bits(changed(three, DType::f32, kCpu).slice(1, 2),
                        normalize_images(three.x, mean, std, DType::f32).slice(1, 2)));
}

TEST(ImageChanges, SharesOfOneAndZeroChangeNothing) {
  const Tensor x = some_bytes({4, 9, 11, 3});
  const auto [mean, std] = some_channels(3);
  const Tensor none = tensor_of<int32_t>({4, 6}, std::vector<int32_t>(24));
  for (const Device device : test_devices()) {
    const ImageChanges changes{to_device(mix_of(1, 0, {0, 0, 0, 0}), device),
                               to_device(none, device), 3};
    EXPECT_TRUE(same_bits(normalize_images(to_device(x, device), mean, std, DType::f32, changes),
                          normalize_images(x, mean, std, DType::f32)));
  }
}

TEST(ImageChanges, CostOneReadAndOneWrite) {
  const auto cost = [](const ImageChanges& changes) {
    plan().reset();
    normalize_images(empty({4, 8, 8, 3}, DType::u8, kPlan), {0, 0, 0}, {1, 1, 1}, DType::bf16,
                     changes);
    return plan().by_op().at("normalize_images").cost;
  };
  const Cost plain = cost({}), mixed = cost({.mix = empty({6}, DType::f32, kPlan)});
  EXPECT_EQ(plain.bytes, 4 * 8 * 8 * 3 * 3);
  EXPECT_EQ(mixed.bytes, plain.bytes);
  EXPECT_GT(mixed.flops, plain.flops);
}

TEST(ImageChanges, RefuseWhatDoesNotFit) {
  const Tensor x = some_bytes({2, 4, 4, 1}), flat = some_bytes({32, 1});
  const auto change = [](const Tensor& images, const ImageChanges& changes) {
    normalize_images(images, {0}, {1}, DType::f32, changes);
  };
  EXPECT_THROW(change(x, {.mix = zeros({5}, DType::f32)}), ShapeError);
  EXPECT_THROW(change(x, {.erase = empty({3, 6}, DType::i32)}), ShapeError);
  EXPECT_THROW(change(flat, {.mix = zeros({6}, DType::f32)}), ShapeError);
}

TEST(MixLabels, TurnsThemAroundAndTellsTheHeavier) {
  for (const Device device : test_devices()) {
    const Tensor labels = to_device(tensor_of<int32_t>({5}, {3, 1, 4, 1, 5}), device);
    for (const float weight : {0.25f, 0.5f, 1.0f}) {
      const Tensor weights = to_device(full({5}, weight, DType::f32), device);
      const MixedLabels mixed = mix_labels(labels, weights);
      const std::vector<int32_t> turned = {5, 1, 4, 1, 3}, own = {3, 1, 4, 1, 5};
      EXPECT_EQ(values_of<int32_t>(to_device(mixed.partner, kCpu)), turned);
      EXPECT_EQ(values_of<int32_t>(to_device(mixed.heavier, kCpu)), weight < 0.5f ? turned : own);
    }
    std::vector<int32_t> many;  // of several blocks of a kernel
    for (int32_t i = 0; i < 301; ++i) many.push_back(i);
    const MixedLabels mixed = mix_labels(to_device(tensor_of<int32_t>({301}, many), device),
                                         full({301}, 1, DType::f32, device));
    EXPECT_EQ(values_of<int32_t>(to_device(mixed.heavier, kCpu)), many);
    EXPECT_EQ(values_of<int32_t>(to_device(mixed.partner, kCpu)),
              (std::vector<int32_t>(many.rbegin(), many.rend())));
    EXPECT_EQ(
        mix_labels(empty({0}, DType::i32, device), empty({0}, DType::f32, device)).partner.size(),
        0);
    EXPECT_THROW(mix_labels(labels, full({4}, 1, DType::f32, device)), ShapeError);
  }
}

}  // namespace
}  // namespace vicinity::testing
