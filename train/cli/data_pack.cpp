// vicinity data pack: any source into one HDF5 file.
#include <iostream>

#include "core/base/text.h"
#include "core/runtime/profile.h"
#include "data/pack/writer.h"
#include "data/source/open.h"
#include "train/cli/class_histogram.h"
#include "train/cli/load_config.h"
#include "train/cli/verbs.h"

namespace vicinity {
namespace {

std::vector<int64_t> count_classes(const Source& source) {
  std::vector<int64_t> counts(source.class_names().size());
  for (int64_t i = 0; i < source.size(); ++i) ++counts[static_cast<size_t>(source.label(i))];
  return counts;
}

}  // namespace

int data_pack_verb(const Arguments& arguments) {
  refuse_positional(arguments, "data pack");
  VIC_CHECK(UsageError, arguments.has("--out"), "vicinity data pack needs --out FILE.h5");
  const RunConfig config = load_run_config(arguments.all("--config"), arguments.overrides);
  const auto start = std::chrono::steady_clock::now();
  const DataSets data = open_data(config.data.source, config.seed, FileCheck::none);
  const std::string out = arguments.get("--out");
  write_pack(data, out, arguments.has("--overwrite"));
  std::cout << out << ": " << format_count(data.train->size()) << " training and "
            << format_count(data.val->size()) << " validation images of "
            << data.train->class_names().size() << " classes, in "
            << format_seconds(seconds_since(start)) << "\n"
            << class_histogram(data.train->class_names(), count_classes(*data.train),
                               count_classes(*data.val));
  return 0;
}

}  // namespace vicinity
