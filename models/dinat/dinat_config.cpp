#include "models/dinat/dinat_config.h"

#include "core/base/error.h"

namespace vicinity {
namespace {

constexpr size_t kMaxLevels = 8;  // widths double: 256 times embed_dim at the last

}  // namespace

int64_t map_size(int64_t image_size, int level) {
  int64_t size = image_size;
  for (int halving = 0; halving < level + 2; ++halving) size = (size + 1) / 2;
  return size;
}

void DinatConfig::check(Problems& problems) const {
  const size_t count = depths.size();
  if (count == 0) problems.add("depths", "needs at least one level");
  if (count > kMaxLevels) {
    return problems.add("depths",
                        str("has ", count, " levels, at most ", kMaxLevels, " are built"));
  }
  if (embed_dim % 2 != 0) problems.add("embed_dim", "must be even");
  if (num_heads.size() != count) {
    problems.add("num_heads",
                 str("has ", num_heads.size(), " entries for ", count, " levels of depths"));
  }
  if (dilations.size() != count) {
    problems.add("dilations",
                 str("has ", dilations.size(), " lists for ", count, " levels of depths"));
  }
  for (size_t level = 0; level < count; ++level) {
    if (level < num_heads.size() && width(static_cast<int>(level)) % num_heads[level] != 0) {
      problems.add("num_heads",
                   str("level ", level, ": ", num_heads[level], " heads do not divide its ",
                       width(static_cast<int>(level)), " channels"));
    }
    if (level < dilations.size() && dilations[level].size() != static_cast<size_t>(depths[level])) {
      problems.add("dilations", str("level ", level, " has ", dilations[level].size(),
                                    " entries for ", depths[level], " blocks"));
    }
  }
}

}  // namespace vicinity
