#include "core/ops/normalize_images.h"

#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

const std::vector<float> kMean = {0.485f, 0.456f, 0.406f}, kStd = {0.229f, 0.224f, 0.225f};

// Values that Hugging Face's processor and torchvision both compute.
TEST(NormalizeImages, PublishedValues) {
  const Tensor x = tensor_of<uint8_t>({1, 1, 3, 3}, {0, 0, 0, 255, 255, 255, 128, 128, 128});
  const std::vector<float> expected = {-2.11790395f,  -2.03571415f, -1.80444443f,
                                       2.24890828f,   2.42857146f,  2.6400001f,
                                       0.0740646273f, 0.205182195f, 0.426492572f};
  EXPECT_EQ(values_of<float>(normalize_images(x, kMean, kStd, DType::f32)), expected);
}

TEST(NormalizeImages, EveryByteOfEveryChannelInEveryDtype) {
  Tensor x = empty({4, 64, 64, 3}, DType::u8);
  for (int64_t i = 0; i < x.size(); ++i) x.data<uint8_t>()[i] = static_cast<uint8_t>(i / 3 * 7 + i);
  const Tensor y = normalize_images(x, kMean, kStd, DType::f32);
  for (int64_t i = 0; i < x.size(); ++i) {
    const auto c = static_cast<size_t>(i % 3);
    const float v = static_cast<float>(x.data<uint8_t>()[i]) / 255.0f;
    ASSERT_EQ(y.data<float>()[i], (v - kMean[c]) / kStd[c]) << i;
  }
  EXPECT_TRUE(same_bits(normalize_images(x, kMean, kStd, DType::bf16), cast(y, DType::bf16)));
  EXPECT_TRUE(same_bits(normalize_images(x, kMean, kStd, DType::f64), cast(y, DType::f64)));
}

// Sizes around a block, an address that fits no vector, one to eight channels.
TEST(NormalizeImages, CudaGivesTheBitsOfTheCpu) {
  if (!cuda_is_there()) GTEST_SKIP() << why_no_cuda();
  const auto check = [](const Tensor& x) {
    const auto channels = static_cast<size_t>(x.dim(-1));
    std::vector<float> mean(channels), std(channels);
    for (size_t c = 0; c < channels; ++c) {
      mean[c] = 0.1f + 0.11f * static_cast<float>(c);
      std[c] = 0.229f + 0.01f * static_cast<float>(c);
    }
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const Tensor host = to_device(x, kCpu);
      EXPECT_TRUE(same_bits(normalize_images(x, mean, std, dtype),
                            normalize_images(host, mean, std, dtype)))
          << x.shape() << dtype;
    }
  };
  for (const Shape& shape :
       {Shape{1, 1, 1, 1}, Shape{1, 3, 5, 3}, Shape{2, 64, 64, 1}, Shape{1, 57, 61, 3},
        Shape{2, 40, 40, 5}, Shape{3, 24, 24, 8}, Shape{5, 7, 3, 3}}) {
    Tensor x = empty(shape, DType::u8);
    for (int64_t i = 0; i < x.size(); ++i)
      x.data<uint8_t>()[i] = static_cast<uint8_t>(i * 7 + i / 256);
    const Tensor on_cuda = to_device(x, kCuda);
    check(on_cuda);
    if (shape[0] > 1) check(on_cuda.slice(1, shape[0]));
  }
  EXPECT_THROW(normalize_images(empty({1, 2, 2, 9}, DType::u8, kCuda), std::vector<float>(9),
                                std::vector<float>(9, 1), DType::f32),
               ShapeError);
}

TEST(NormalizeImages, OneChannelAndNoImages) {
  const Tensor x = tensor_of<uint8_t>({1, 1, 2, 1}, {0, 255});
  EXPECT_EQ(values_of<float>(normalize_images(x, {0.5f}, {0.5f}, DType::f32)),
            (std::vector<float>{-1, 1}));
  EXPECT_EQ(normalize_images(empty({0, 2, 2, 1}, DType::u8), {0}, {1}, DType::f32).size(), 0);
}

TEST(NormalizeImages, RefusesWhatDoesNotFit) {
  EXPECT_THROW(normalize_images(empty({1, 2, 2, 3}, DType::f32), kMean, kStd, DType::f32),
               DTypeError);
  EXPECT_THROW(normalize_images(empty({1, 2, 2, 1}, DType::u8), kMean, kStd, DType::f32),
               ShapeError);
}

}  // namespace
}  // namespace vicinity::testing
