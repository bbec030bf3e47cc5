// The installed interface (train/api/vicinity.h) against the inside, on a fixture of Hugging
// Face's.
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/ops/elementwise.h"
#include "core/ops/normalize_images.h"
#include "models/registry.h"
#include "models/weights/describe.h"
#include "models/weights/load.h"
#include "train/api/vicinity.h"

namespace vicinity::testing {
namespace {

const std::vector<std::string> kAsTheyAre = {
    "data.eval_resize=none", "data.eval_crop=none",  "data.mean=[0,0,0]", "data.std=[1,1,1]",
    "model.small_maps=pad",  "train.precision=fp32", "device=cpu"};

std::string folder_of(const std::string& name) {
  return str(VICINITY_SOURCE_DIR, "/tests/fixtures/outputs/", name);
}

Picture picture(int width, int height, int seed) {
  Picture result{width, height, {}};
  for (int i = 0; i < 3 * width * height; ++i)
    result.rgb.push_back(static_cast<uint8_t>((i * 37 + seed * 91 + i / 7) % 256));
  return result;
}

TEST(Pretrained, BringsWhatTheModelComputes) {
  const std::vector<Picture> pictures = {picture(22, 30, 1), picture(22, 30, 2)};
  const Pretrained pretrained(folder_of("dinat"), "pooled,logits,attentions,features.stage1",
                              kAsTheyAre);
  EXPECT_EQ(pretrained.class_names(), std::vector<std::string>({"LABEL_0", "LABEL_1", "LABEL_2"}));
  const std::map<std::string, Array> arrays = pretrained.run(pictures);

  ModelConfig config = describe_model(folder_of("dinat")).config;
  config.backbone = {.stages = {1}, .built = true};
  const auto model = make_model(config, DType::f32);
  load_weights(*model, folder_of("dinat"));
  std::vector<uint8_t> bytes;
  for (const Picture& p : pictures) bytes.insert(bytes.end(), p.rgb.begin(), p.rgb.end());
  const Tensor images =
      normalize_images(tensor_of<uint8_t>({2, 30, 22, 3}, bytes), {0, 0, 0}, {1, 1, 1}, DType::f32);
  const Outputs outputs = model->outputs(
      images, {.pooler_output = true, .attentions = true, .feature_maps = true, .logits = true},
      {});
  const std::map<std::string, Tensor> expected = {{"pooled", outputs.pooler_output},
                                                  {"logits", outputs.logits},
                                                  {"attentions.0", outputs.attentions[0]},
                                                  {"attentions.1", outputs.attentions[1]},
                                                  {"features.stage1", outputs.feature_maps[0]}};
  ASSERT_EQ(arrays.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(arrays.contains(name)) << name;
    EXPECT_EQ(arrays.at(name).shape, tensor.shape().to_vector()) << name;
    EXPECT_EQ(arrays.at(name).values, values_of<float>(tensor)) << name;
  }
}

TEST(Pretrained, ImagesOfAnyNumberOfChannelsGoInNormalised) {
  std::vector<std::string> settings = kAsTheyAre;
  settings.emplace_back("model.num_channels=5");
  const Pretrained three(folder_of("dinat"), "logits", kAsTheyAre),
      five(folder_of("dinat"), "logits", settings);
  Array images{{1, 30, 22, 3}, {}};
  for (int i = 0; i < 30 * 22 * 3; ++i)
    images.values.push_back(static_cast<float>((i * 37) % 256) / 255);
  const Picture same{22, 30, [&] {
                       std::vector<uint8_t> rgb;
                       for (int i = 0; i < 30 * 22 * 3; ++i)
                         rgb.push_back(static_cast<uint8_t>((i * 37) % 256));
                       return rgb;
                     }()};
  const std::vector<float> seen = three.run(images).at("logits").values,
                           normalised = three.run(std::vector{same}).at("logits").values;
  ASSERT_EQ(seen.size(), 3u);
  for (size_t i = 0; i < seen.size(); ++i) EXPECT_NEAR(seen[i], normalised[i], 1e-5);
  EXPECT_EQ(
      five.run(Array{{2, 30, 22, 5}, std::vector<float>(2 * 30 * 22 * 5, 0.5F)}).at("logits").shape,
      (std::vector<int64_t>{2, 3}));
  try {
    five.run(std::vector{same});
    FAIL() << "a file has three channels";
  } catch (const PretrainedError& error) {
    EXPECT_NE(std::string(error.what()).find("model.num_channels = 5"), std::string::npos);
  }
}

template <class F>
std::string message_of(F&& call) {
  try {
    call();
  } catch (const PretrainedError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Pretrained, RefusesWhatDoesNotFit) {
  const Pretrained pretrained(folder_of("dinat"), "pooled", kAsTheyAre);
  const auto holds = [](const std::string& text, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  Picture cut = picture(22, 30, 1);
  cut.rgb.pop_back();
  holds(message_of([&] { pretrained.run(std::vector<Picture>{cut}); }), {"22 x 30", "1979 bytes"});
  holds(message_of([&] {
          pretrained.run({picture(22, 30, 1), picture(30, 22, 1)});
        }),
        {"'picture 0' comes to 22 x 30", "'picture 1'"});
  holds(message_of([&] { pretrained.run(std::vector<std::string>{}); }), {"no pictures"});
  holds(message_of([&] { pretrained.run(std::vector<std::string>{"absent.png"}); }),
        {"absent.png"});
  holds(message_of([] { Pretrained(folder_of("dinat"), "pooledd"); }), {"did you mean 'pooled'"});
  holds(message_of([] { Pretrained(folder_of("dinov2_backbone"), "logits"); }),
        {"has no classifier"});
  holds(message_of([] { Pretrained("nowhere", "pooled"); }), {"nowhere"});
}

}  // namespace
}  // namespace vicinity::testing
