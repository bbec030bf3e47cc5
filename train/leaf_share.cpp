#include "train/leaf_share.h"

#include <string>
#include <vector>

#include "core/base/error.h"

namespace vicinity {
namespace {

bool is_power_of_two(int64_t n) { return n > 0 && (n & (n - 1)) == 0; }

int64_t leaves_in(int64_t images, int64_t micro_batch) {
  return (images + micro_batch - 1) / micro_batch;
}

// Numbers of ranks that share `leaves` alike.
std::vector<int64_t> possible_ranks(int64_t leaves) {
  std::vector<int64_t> ranks = {leaves};
  while (ranks.back() % 2 == 0) ranks.push_back(ranks.back() / 2);
  return ranks;
}

std::string possible(int64_t leaves, int64_t micro_batch, int64_t ranks) {
  int64_t below = 0, above = ranks;
  while (above < leaves) above = 2 * (below = above);
  std::string text = str("With ", ranks, " ranks: ");
  if (below > 0) text += str("train.batch=", below * micro_batch, " or ");
  text += str("train.batch=", above * micro_batch, ". With this batch: ");
  const std::vector<int64_t> others = possible_ranks(leaves);
  for (size_t i = others.size(); i-- > 0;)
    text += str(others[i], i == 0 ? " ranks" : i == 1 ? " or " : ", ");
  return text;
}

}  // namespace

LeafShare share_leaves(int64_t batch, int64_t micro_batch, int ranks) {
  const int64_t leaves = leaves_in(batch, micro_batch);
  VIC_CHECK(ConfigError, leaves % ranks == 0 && is_power_of_two(leaves / ranks),
            "train.batch=", batch, " is ", leaves, leaves == 1 ? " leaf" : " leaves",
            " of train.micro_batch=", micro_batch, ", which ", ranks,
            " ranks cannot share: each takes the same number of leaves, 1, 2, 4, 8, ... (sums keep "
            "their order on any number of ranks). ",
            possible(leaves, micro_batch, ranks));
  return {micro_batch, leaves / ranks};
}

}  // namespace vicinity
