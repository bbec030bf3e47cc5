#include "models/receptive_field.h"

#include "tests/support/tiny_models.h"

namespace vicinity::testing {
namespace {

// DiNAT-Mini at 224: the tokenizer sees 7 pixels, each block 6 d tokens more, a downsampler 2.
TEST(ReceptiveField, GrowsWithEveryBlock) {
  const std::vector<LevelReach> levels = reach_of(ModelConfig{}, 224);
  ASSERT_EQ(levels.size(), 4u);
  EXPECT_EQ(levels[0].map, 56);
  EXPECT_EQ(levels[0].stride, 4);
  EXPECT_EQ(levels[0].reach, 7 + 4 * 6 * (1 + 8 + 1));
  EXPECT_EQ(levels[1].reach, levels[0].reach + 2 * 4 + 8 * 6 * (1 + 4 + 1 + 4));
  EXPECT_EQ(levels[3].stride, 32);
  EXPECT_EQ(levels[0].blocks[1].reach, 49);
  for (const LevelReach& level : levels) EXPECT_TRUE(level.fits()) << level.level;
  EXPECT_TRUE(reach_of(tiny_dinov2(), 28).empty());
}

// A change of a pixel reaches the middle token of the last map exactly from within the reach.
TEST(ReceptiveField, IsWhatTheModelDependsOn) {
  ModelConfig config = tiny_dinat();
  config.dinat.depths = {2, 1};
  config.dinat.dilations = {{1, 2}, {1}};
  const int side = 160;
  const LevelReach last = reach_of(config, side).back();
  ASSERT_LT(last.reach, side);
  const auto model = tiny_model(config, DType::f64);
  const auto middle_of = [&](const Tensor& images) {
    const Tensor map =
        model->outputs(images, {.last_hidden_state = true}, {.act = DType::f64}).last_hidden_state;
    const int64_t middle = map.dim(1) / 2;
    const Tensor row = map.reshape({map.dim(1), map.dim(2), map.dim(3)})
                           .slice(middle, middle + 1)
                           .reshape({map.dim(2), map.dim(3)})
                           .slice(middle, middle + 1);
    return values_of<double>(row);
  };
  const Tensor images = random_tensor({1, side, side, 3}, 4);
  const std::vector<double> before = middle_of(images);
  int first = side, end = 0;
  for (int x = 0; x < side; ++x) {
    Tensor changed = empty_like(images);
    copy_(changed, images);
    for (int c = 0; c < 3; ++c) changed.data<double>()[((side / 2) * side + x) * 3 + c] += 100;
    if (middle_of(changed) == before) continue;
    first = std::min(first, x);
    end = std::max(end, x + 1);
  }
  EXPECT_EQ(end - first, last.reach);
}

TEST(ReceptiveField, NamesTheDilationsThatDoNotFit) {
  const std::vector<LevelReach> levels = reach_of(ModelConfig{}, 112);
  EXPECT_FALSE(levels[0].fits());
  EXPECT_EQ(levels[0].blocks[1].most, 4);
  EXPECT_TRUE(levels[0].fits(levels[0].blocks[0]));
  EXPECT_FALSE(levels[0].fits(levels[0].blocks[1]));
}

}  // namespace
}  // namespace vicinity::testing
