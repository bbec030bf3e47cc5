#include "data/transforms/processor.h"

#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "core/base/files.h"
#include "core/ops/normalize_images.h"
#include "tests/support/encoded_images.h"
#include "tests/support/temp_dir.h"

namespace vicinity::testing {
namespace {

class ProcessorTest : public ::testing::Test {
 protected:
  TransformConfig read(const std::string& text) const {
    write_file_atomically(folder_.path() + "/preprocessor_config.json", text);
    TransformConfig config;
    EXPECT_TRUE(read_processor(folder_.path(), config));
    return config;
  }
  std::string refusal(const std::string& text) const {
    try {
      read(text);
    } catch (const DataError& error) {
      return error.message();
    }
    return "no error";
  }
  TempDir folder_;
};

// [height, width, 3]
std::vector<float> seen_by_model(const Image& image, const TransformConfig& config) {
  const Image pixels = apply_eval(image, config);
  const Normalization n = normalization_of(config);
  return values_of<float>(
      normalize_images(tensor_of<uint8_t>({1, pixels.height, pixels.width, 3}, pixels.rgb), n.mean,
                       n.std, DType::f32));
}

// Every value within 1e-6 of what transformers 4.37.2 gives; of values above 1, one millionth.
TEST_F(ProcessorTest, PixelsAreThoseOfHuggingFace) {
  const std::string fixtures = std::string(VICINITY_SOURCE_DIR) + "/tests/fixtures/processors";
  const auto index = nlohmann::json::parse(read_file(fixtures + ".json"));
  const std::string data = read_file(fixtures + ".f32");
  for (const auto& c : index.at("cases")) {
    SCOPED_TRACE(c.dump());
    const auto source = c.at("source").get<std::vector<int>>();
    const Image image = formula_image(source[0], source[1]);
    const TransformConfig config = read(c.at("file").dump());
    const Image pixels = apply_eval(image, config);
    ASSERT_EQ(pixels.height, c.at("height").get<int>());
    ASSERT_EQ(pixels.width, c.at("width").get<int>());
    std::vector<float> expected(pixels.rgb.size());
    const auto offset = c.at("offset").get<size_t>();
    ASSERT_LE(offset + expected.size() * 4, data.size());
    std::memcpy(expected.data(), data.data() + offset, expected.size() * 4);
    const std::vector<float> values = seen_by_model(image, config);
    for (size_t i = 0; i < values.size(); ++i)
      ASSERT_NEAR(values[i], expected[i], 1e-6 * std::max(1.0f, std::abs(expected[i]))) << i;
  }
  EXPECT_EQ(index.at("cases").size(), 42u);
}

TEST_F(ProcessorTest, WhatIsWrittenReadsBackAsTheSamePixels) {
  const auto index = nlohmann::json::parse(
      read_file(std::string(VICINITY_SOURCE_DIR) + "/tests/fixtures/processors.json"));
  const Image image = formula_image(41, 27);
  for (const auto& c : index.at("cases")) {
    SCOPED_TRACE(c.dump());
    const TransformConfig config = read(c.at("file").dump());
    write_processor(config, folder_.path());
    TransformConfig back;
    ASSERT_TRUE(read_processor(folder_.path(), back));
    EXPECT_EQ(seen_by_model(image, back), seen_by_model(image, config));
  }
}

TEST_F(ProcessorTest, ARunsSettingsAreWrittenInFull) {
  TransformConfig config;
  config.image_size = 56;
  config.interpolation = "lanczos";
  config.mean = {0.5, 0.5, 0.5};
  write_processor(config, folder_.path());
  const auto json = nlohmann::json::parse(read_file(folder_.path() + "/preprocessor_config.json"));
  const auto expected = nlohmann::json::parse(R"({
      "image_processor_type": "BitImageProcessor", "do_resize": true, "size": {"shortest_edge": 64},
      "resample": 1, "do_center_crop": true, "crop_size": {"height": 56, "width": 56},
      "do_rescale": true, "rescale_factor": 0.00392156862745098, "do_normalize": true,
      "image_mean": [0.5, 0.5, 0.5], "image_std": [0.229, 0.224, 0.225], "do_convert_rgb": true})");
  EXPECT_EQ(json, expected);
  config.eval_resize = "56x56";
  write_processor(config, folder_.path());
  const auto vit = nlohmann::json::parse(read_file(folder_.path() + "/preprocessor_config.json"));
  EXPECT_EQ(vit.at("image_processor_type"), "ViTImageProcessor");
  EXPECT_EQ(vit.at("size"), nlohmann::json::parse(R"({"height": 56, "width": 56})"));
  EXPECT_FALSE(vit.contains("crop_size"));
}

TEST_F(ProcessorTest, TheImageSizeIsThatOfTheCropOrTheResize) {
  EXPECT_EQ(read(R"({"image_processor_type": "BitImageProcessor"})").image_size, 224);
  const TransformConfig vit =
      read(R"({"feature_extractor_type": "ViTFeatureExtractor", "size": 384})");
  EXPECT_EQ(vit.image_size, 384);
  EXPECT_EQ(vit.eval_resize, "384x384");
  EXPECT_EQ(eval_extent(vit), (Extent{384, 384}));
  const TransformConfig wide = read(
      R"({"image_processor_type": "BitImageProcessor", "crop_size": {"height": 28, "width": 42}})");
  EXPECT_EQ(wide.image_size, 28);
  EXPECT_EQ(eval_extent(wide), (Extent{42, 28}));
  EXPECT_FALSE(eval_extent(
      read(R"({"image_processor_type": "BitImageProcessor", "do_center_crop": false})")));
}

TEST_F(ProcessorTest, NothingHappensWithoutAFile) {
  TransformConfig config;
  EXPECT_FALSE(read_processor(folder_.path(), config));
  EXPECT_EQ(config.eval_resize, "auto");
}

TEST_F(ProcessorTest, KeysThatSayNothingAreAccepted) {
  EXPECT_EQ(
      read(R"({"image_processor_type": "ViTImageProcessorFast", "data_format": "channels_first",
      "do_pad": false, "device": null, "_valid_processor_keys": ["images"], "processor_class": "x",
      "default_to_square": true, "do_center_crop": false, "do_convert_rgb": null})")
          .eval_resize,
      "224x224");
}

TEST_F(ProcessorTest, RefusalsNameTheFileAndTheKey) {
  const auto names = [&](const std::string& json, const std::vector<std::string>& parts) {
    const std::string message = refusal(json);
    for (const std::string& part : parts)
      EXPECT_NE(message.find(part), std::string::npos) << json << "\n" << message;
  };
  const auto bit = [](const std::string& more) {
    return R"({"image_processor_type": "BitImageProcessor", )" + more + "}";
  };
  names("{", {folder_.path(), "is not JSON"});
  names("[]", {"not an object"});
  names("{}", {"feature_extractor_type = null", "needs BitImageProcessor"});
  names(R"({"image_processor_type": "CLIPImageProcessor"})",
        {"\"CLIPImageProcessor\"", "ViTImage"});
  names(bit(R"("do_pad": true)"), {"do_pad = true is not supported"});
  names(bit(R"("crop_pct": 0.9)"), {"crop_pct = 0.9 is not supported"});
  names(bit(R"("resample": 6)"), {"resample = 6", "0 to 5"});
  names(bit(R"("size": {"longest_edge": 3})"), {"size = {\"longest_edge\":3}", "shortest_edge"});
  names(bit(R"("size": 0)"), {"size = 0", "from 1 to"});
  names(bit(R"("size": 99999999999)"), {"size = 99999999999"});
  names(bit(R"("size": 224.5)"), {"size = 224.5"});
  names(bit(R"("crop_size": {"shortest_edge": 3})"), {"crop_size = ", "{height, width}"});
  names(bit(R"("do_resize": 1)"), {"do_resize = 1", "true or false"});
  names(bit(R"("image_mean": [0.5, 0.5])"), {"image_mean = [0.5,0.5]", "list of 3"});
  names(bit(R"("image_std": [0.5, 0, 0.5])"), {"image_std = [0.5,0,0.5]", "above 0"});
  names(bit(R"("rescale_factor": 0)"), {"rescale_factor = 0", "above 0"});
  names(bit(R"("data_format": "channels_last")"), {"data_format"});
  names(bit(R"("default_to_square": true)"), {"default_to_square"});
  names(R"({"image_processor_type": "ViTImageProcessor", "do_center_crop": true})",
        {"do_center_crop = true", "ViTImageProcessor"});
  names(R"({"image_processor_type": "ViTImageProcessor", "size": {"shortest_edge": 9}})", {"size"});
}

TEST(EvalShape, TextsOfSizes) {
  EXPECT_EQ(parse_extent("256"), (Extent{0, 256}));
  EXPECT_EQ(parse_extent("224x160"), (Extent{160, 224}));
  for (const char* text : {"", "x", "224x", "x224", "-1", "0x3", "3x0", "2.5", "9999999999", "a"})
    EXPECT_FALSE(parse_extent(text)) << text;
  EXPECT_EQ(extent_text({160, 224}), "224x160");
}

TEST(EvalShape, WhatEvaluationDoesInWords) {
  TransformConfig config;
  EXPECT_EQ(describe_eval(config), "short side to 256, centre crop 224 x 224, bicubic");
  config.eval_resize = "0";  // as in the config.yaml of earlier runs
  EXPECT_EQ(describe_eval(config), "short side to 256, centre crop 224 x 224, bicubic");
  config.train_crop = "padded";
  config.image_size = 32;
  EXPECT_EQ(describe_eval(config), "short side to 32, centre crop 32 x 32, bicubic");
  config.eval_resize = "none";
  config.eval_crop = "20x24";
  EXPECT_EQ(describe_eval(config), "not resized, centre crop 20 x 24");
  EXPECT_EQ(eval_extent(config), (Extent{24, 20}));
}

TEST(EvalShape, NumbersOfTheDefaultSettingsAreImageNets) {
  const Normalization n = normalization_of({});
  EXPECT_EQ(n.mean, (std::vector<float>{0.485f, 0.456f, 0.406f}));
  EXPECT_EQ(n.std, (std::vector<float>{0.229f, 0.224f, 0.225f}));
}

// A resize is no larger than the crop: 8 x 20000 becomes 256 x 640000, of which 224 x 224 are made.
TEST(EvalShape, LongPicturesAreCroppedWithoutBeingResizedWhole) {
  TransformConfig config;
  const Image image = formula_image(8, 20000);
  const Image seen = apply_eval(image, config);
  EXPECT_EQ(seen.width, 224);
  EXPECT_EQ(seen.height, 224);
  const Image part =
      resize_window(image, 256, 640000, {16, 319888, 224, 224}, Interpolation::bicubic);
  EXPECT_EQ(seen.rgb, part.rgb);
  config.eval_crop = "none";
  config.eval_resize = "2000";
  EXPECT_THROW(apply_eval(image, config), DataError) << "2000 x 5000000";
  EXPECT_THROW(apply_eval(Image(1, 10000000), config), DataError) << "more than can be counted";
}

}  // namespace
}  // namespace vicinity::testing
