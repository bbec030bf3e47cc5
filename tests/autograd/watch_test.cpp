// Everything that goes over the tape is shown, in order, while somebody watches, and only then.
#include "autograd/watch.h"

#include <gtest/gtest.h>

#include "autograd/record.h"
#include "core/ops/elementwise.h"

namespace vicinity::testing {
namespace {

class Listing : public TapeWatch {
 public:
  std::vector<std::string> seen;

  void output(const char* op, const Tensor&, const std::vector<Tensor>& sinks) override {
    std::string text = str("output of ", op);
    for (const Tensor& sink : sinks) text += sink.defined() ? " parameter" : " -";
    seen.push_back(text);
  }
  void gradient(const char* op, const Tensor& dx, const Tensor& sink) override {
    seen.push_back(
        str("gradient from ", op, " ", dx.data<double>()[0], sink.defined() ? " parameter" : ""));
  }
};

Variable doubled(const char* name, const Variable& x) {
  return record(name, add(x.value(), x.value()), {x},
                [](const Tensor& dy, const Needs&) -> Grads { return {add(dy, dy)}; });
}

void run_through() {
  const Leaf leaf(zeros({1}, DType::f64));
  const Variable y = doubled("second", doubled("first", leaf.use(full({1}, 3, DType::f64))));
  backward(y, full({1}, 1, DType::f64));
}

TEST(TapeWatch, SeesOutputsThenGradients) {
  Listing listing;
  {
    const Watched watched(listing);
    run_through();
  }
  EXPECT_EQ(listing.seen, (std::vector<std::string>{"output of first parameter",
                                                    "output of second -", "gradient from second 2",
                                                    "gradient from first 4 parameter"}));
  run_through();
  EXPECT_EQ(listing.seen.size(), 4u) << "nobody watches any more";
}

class Thrower : public Listing {
 public:
  void gradient(const char*, const Tensor&, const Tensor&) override {
    VIC_FAIL(DivergedError, "here");
  }
};

TEST(TapeWatch, MayEndThePass) {
  Thrower thrower;
  {
    const Watched watched(thrower);
    EXPECT_THROW(run_through(), DivergedError);
  }
  run_through();
}

}  // namespace
}  // namespace vicinity::testing
