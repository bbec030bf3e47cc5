// Every published variant as configs/models describes it: parameters to the last one, multiply-adds
// within one percent.
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/record.h"
#include "core/config/config_reader.h"
#include "core/runtime/plan.h"
#include "models/registry.h"

namespace vicinity {
namespace {

struct Variant {
  const char* name;
  int64_t parameters;
  int64_t image;
  double giga_macs;  // published; 0: not
};

std::unique_ptr<Model> on_paper(const std::string& name, size_t classes) {
  ConfigTree tree;
  tree.add_file(std::string(VICINITY_SOURCE_DIR) + "/configs/models/" + name + ".yaml");
  ModelConfig config;
  read_config(tree, config);
  config.labels.resize(classes, "x");
  return make_model(config, DType::f32, kPlan);
}

TEST(Variants, ParametersAndMacs) {
  const Variant variants[] = {{"nat_mini", 19984174, 224, 2.697},
                              {"nat_tiny", 27901582, 224, 4.298},
                              {"nat_small", 50743297, 224, 7.777},
                              {"nat_base", 89769652, 224, 13.683},
                              {"dinat_mini", 19984174, 224, 2.697},
                              {"dinat_tiny", 27901582, 224, 4.298},
                              {"dinat_small", 50719681, 224, 7.777},
                              {"dinat_base", 89769652, 224, 13.683},
                              {"dinat_large", 200943514, 224, 30.467},
                              {"dinat_large_384", 200943514, 384, 89.533},
                              {"dinat_large_384_k11", 201144250, 384, 92.153}};
  for (const Variant& v : variants) {
    SCOPED_TRACE(v.name);
    const auto model = on_paper(v.name, 1000);
    EXPECT_EQ(model->parameter_count(), v.parameters);
    const NoGrad no_grad;
    plan().reset();
    model->logits(empty({1, v.image, v.image, 3}, DType::f32, kPlan), Pass{});
    double products = 0;
    for (const char* op : {"linear", "neighborhood_attention"})
      products += plan().by_op().at(op).cost.flops / 2;
    EXPECT_NEAR(products / 1e9, v.giga_macs, 0.01 * v.giga_macs);
  }
}

TEST(Variants, Dinov2Parameters) {
  const Variant variants[] = {
      {"dinov2_vits14", 22056576, 0, 0},       {"dinov2_vitb14", 86580480, 0, 0},
      {"dinov2_vitl14", 304368640, 0, 0},      {"dinov2_vitg14", 1136480768, 0, 0},
      {"dinov2_vits14_reg4", 22058112, 0, 0},  {"dinov2_vitb14_reg4", 86583552, 0, 0},
      {"dinov2_vitl14_reg4", 304372736, 0, 0}, {"dinov2_vitg14_reg4", 1136486912, 0, 0}};
  for (const Variant& v : variants) {
    SCOPED_TRACE(v.name);
    const auto model = on_paper(v.name, 1000);
    const int64_t head = model->config().dinov2.hidden_size * 2 * 1000 + 1000;
    EXPECT_EQ(model->parameter_count() - head, v.parameters);
  }
}

}  // namespace
}  // namespace vicinity
