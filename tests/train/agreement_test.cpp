// What ranks compare: at the start, and before they save together.
#include "train/run/agreement.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "core/base/error.h"
#include "tests/support/thread_ranks.h"
#include "tests/support/tiny_models.h"

namespace vicinity::testing {
namespace {

// What the first of the ranks says, which all must; "" if nothing.
template <class Failure>
std::string said(int ranks, const std::function<void(Communicator&)>& work) {
  std::vector<std::string> texts(static_cast<size_t>(ranks));
  ThreadRanks(ranks).run([&](Communicator& comm) {
    try {
      work(comm);
    } catch (const Failure& error) {
      texts[static_cast<size_t>(comm.rank())] = error.message();
    }
  });
  for (const std::string& text : texts) EXPECT_EQ(text, texts[0]);
  return texts[0];
}

TEST(Agreement, TheFirstDifferenceIsNamedWithBothValuesAndRanks) {
  const auto facts = [](int rank) {
    return std::vector<Fact>{{Fact::About::settings, "seed", "1"},
                             {Fact::About::machine, "oneDNN", rank == 2 ? "2.7.0" : "2.6.3"},
                             {Fact::About::data, "weights", rank == 2 ? "b" : "a"}};
  };
  const auto compare = [&](Communicator& comm) { agree(comm, facts(comm.rank())); };
  EXPECT_EQ(said<Error>(2, compare), "");
  EXPECT_NE(said<DeviceError>(4, compare).find("rank 0 has oneDNN 2.6.3, rank 2 has oneDNN 2.7.0"),
            std::string::npos);
}

TEST(Agreement, ARankWhoseWeightsHaveDivergedIsNamed) {
  std::vector<std::unique_ptr<Model>> models;
  for (int r = 0; r < 3; ++r) models.push_back(tiny_model(tiny_dinat(), DType::f32));
  const auto compare = [&](Communicator& comm) {
    check_alike(comm, *models[static_cast<size_t>(comm.rank())], 12);
  };
  EXPECT_EQ(said<Error>(3, compare), "");
  models[2]->store().value().data<float>()[100] += 1;
  const std::string text = said<CommError>(3, compare);
  EXPECT_NE(text.find("rank 2 has diverged: after step 12"), std::string::npos) << text;
}

}  // namespace
}  // namespace vicinity::testing
