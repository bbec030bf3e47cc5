// A level's share of a model: parameters by the published formula, FLOPs and memory by the plan.
#include "train/run/level_costs.h"

#include <gtest/gtest.h>

#include "train/cli/load_config.h"
#include "train/run/step_on_paper.h"

namespace vicinity::testing {
namespace {

// Of a block of width c with h heads and an MLP of 3 c; a downsampler has 18 c c + 4 c.
int64_t block_parameters(int64_t c, int64_t h) {
  return 4 * c + (3 * c * c + 3 * c) + h * 13 * 13 + (c * c + c) + (3 * c * c + 3 * c) +
         (3 * c * c + c);
}

RunConfig config_of(const std::string& model) {
  RunConfig config = load_run_config({}, {"model=" + model, "train.precision=fp32", "device=cpu",
                                          "train.batch=1", "train.micro_batch=1"});
  config.model.architecture.labels.resize(1000, "class");
  return config;
}

TEST(LevelCosts, AddUpToTheModel) {
  const RunConfig config = config_of("dinat_mini");
  const std::vector<LevelCost> costs = level_costs(config);
  ASSERT_EQ(costs.size(), 4u);
  double flops = 0;
  for (size_t i = 0; i < 4; ++i) {
    const int64_t depths[] = {3, 4, 6, 5}, c = 64 << i, h = 2 << i;
    EXPECT_EQ(costs[i].parameters,
              depths[i] * block_parameters(c, h) + (i < 3 ? 18 * c * c + 4 * c : 0))
        << i;
    EXPECT_GT(costs[i].flops, 0) << i;
    flops += costs[i].flops;
  }
  const double all = plan_step(config, 1).forward_flops;
  EXPECT_LT(flops, all);  // beside them are the tokenizer, the last norm and the classifier
  EXPECT_GT(flops, 0.8 * all);
}

TEST(LevelCosts, MemoryFallsWithTheMapAndByRecomputation) {
  RunConfig config = config_of("dinat_mini");
  const std::vector<LevelCost> kept = level_costs(config);
  config.train.recompute = "block";
  const std::vector<LevelCost> again = level_costs(config);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_GT(again[i].kept_bytes, 0u) << i;
    EXPECT_LT(again[i].kept_bytes, kept[i].kept_bytes / 2) << i;
    EXPECT_NEAR(again[i].flops, kept[i].flops, 1e-9 * kept[i].flops) << i;
  }
  EXPECT_GT(kept[0].kept_bytes, kept[3].kept_bytes);
}

TEST(LevelCosts, ATransformerHasNoLevels) {
  EXPECT_TRUE(level_costs(config_of("dinov2_vits14")).empty());
}

}  // namespace
}  // namespace vicinity::testing
