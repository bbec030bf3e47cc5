#include "train/run/loading_hint.h"

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/source/open_kinds.h"

namespace vicinity {
std::string loading_hint(double share, const DataSection& data, int cores) {
  if (share <= 0.1) return "";
  std::vector<std::string> ways;
  if (data.loader_threads > 0 && data.loader_threads < cores)
    ways.push_back(str("data.loader_threads=0 lets all ", cores, " cores decode, not ",
                       data.loader_threads, " of them"));
  const std::string kind = kind_of_data(data.source);
  if (kind != "hdf5" && kind != "idx")
    ways.emplace_back("vicinity data pack makes one file of them, which is read faster");
  if (!data.transform.scaled_decoding && data.transform.train_crop == "random_resized")
    ways.emplace_back(
        "data.scaled_decoding=true decodes large photographs at a part of their size");
  if (ways.empty()) ways.emplace_back("smaller images or more cores would help");
  return str("hint: training waits for images, ", format_fixed(100 * share, 1), " % of the time; ",
             join(ways, "; "), "; vicinity bench loader measures what the cores can decode");
}

}  // namespace vicinity
