// In both families every gradient that a backward makes is whole once, when it is said to be.
#include "autograd/leaf_watch.h"

#include <map>

#include "tests/support/tiny_models.h"

namespace vicinity::testing {
namespace {

class Copying : public LeafWatch {
 public:
  void whole(const Tensor& sink) override {
    EXPECT_TRUE(copies.emplace(sink.raw(), values_of<float>(sink)).second) << "twice";
  }
  void op_done() override {}
  std::map<const char*, std::vector<float>> copies;
};

// What is left unread: the mask token, and norms of stages that only feature maps go through.
size_t check_gradients(const ModelConfig& config, const Pass& pass) {
  const auto model = tiny_model(config, pass.act);
  Copying copying;
  {
    const LeavesWatched watched(copying);
    forward_backward(*model, tiny_batch(3), pass);
  }
  size_t unread = 0;
  for (const GradientPlace& place : model->store().gradient_places()) {
    Leaf& leaf = *place.leaf;
    EXPECT_EQ(leaf.sink().raw(), model->store().arriving().slice(place.begin, place.end).raw());
    EXPECT_FALSE(leaf.is_read());
    const auto found = copying.copies.find(leaf.sink().raw());
    EXPECT_EQ(found != copying.copies.end(), leaf.written()) << "parameter at " << place.begin;
    if (found != copying.copies.end()) {
      EXPECT_EQ(found->second, values_of<float>(leaf.sink())) << "parameter at " << place.begin;
    }
    unread += found == copying.copies.end();
  }
  return unread;
}

TEST(LeafWatch, EveryGradientOfAModelIsWholeOnce) {
  for (const auto& [name, config] : tiny_models()) {
    for (const bool recompute : {false, true}) {
      for (const DType act : {DType::f32, DType::bf16}) {
        SCOPED_TRACE(str(name, " ", act, recompute ? " recomputed" : ""));
        const Pass pass{.training = true, .act = act, .recompute = recompute};
        EXPECT_EQ(check_gradients(config, pass), config.family == "dinat" ? 0u : 1u);
      }
    }
  }
}

}  // namespace
}  // namespace vicinity::testing
