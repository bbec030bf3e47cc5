// vicinity bench loader: how many training images a second the loader makes, without a model.
#include <chrono>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/runtime/profile.h"
#include "data/loader.h"
#include "train/cli/load_config.h"
#include "train/cli/verbs.h"

namespace vicinity {
namespace {

// Seconds that the cores have worked for this process: unlike the clock's, no other program's
// share.
double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct LoaderRates {
  double images_per_s = 0, images_per_core_s = 0;
};

// Whole epochs until the core has worked for a fifth of a second: some systems count its time in
// steps of 10 ms, and a small set is read faster than that.
LoaderRates time_epochs(Loader& loader, int64_t images) {
  const auto start = std::chrono::steady_clock::now();
  const double cpu_start = cpu_seconds();
  double count = 0, worked = 0;
  while (worked < 0.2) {
    for (int64_t done = 0; done < images;) done += loader.next().count;
    count += static_cast<double>(images);
    worked = cpu_seconds() - cpu_start;
  }
  return {count / seconds_since(start), count / worked};
}

}  // namespace

int bench_loader_verb(const Arguments& arguments) {
  refuse_positional(arguments, "bench loader");
  const RunConfig config = load_run_config(arguments.all("--config"), arguments.overrides);
  const DataSets data = open_data(config.data.source, config.seed);
  const LoaderConfig loading{.threads = config.data.loader_threads, .seed = config.seed};
  Loader loader(*data.train, config.data.transform, LoaderMode::train, config.train.batch, loading);
  const int64_t runs = arguments.number("--runs", 5, 1);
  for (int64_t done = 0; done < data.train->size();) done += loader.next().count;  // warm files
  LoaderRates best;
  for (int64_t run = 0; run < runs; ++run) {
    const LoaderRates rates = time_epochs(loader, data.train->size());
    best.images_per_s = std::max(best.images_per_s, rates.images_per_s);
    best.images_per_core_s = std::max(best.images_per_core_s, rates.images_per_core_s);
  }
  if (arguments.has("--json")) {
    std::cout << nlohmann::ordered_json{{"what", "loader"},
                                        {"threads", loader.threads()},
                                        {"images_per_s", best.images_per_s},
                                        {"images_per_core_s", best.images_per_core_s}}
                     .dump()
              << "\n";
    return 0;
  }
  std::cout << format_count(data.train->size()) << " images to " << config.data.transform.image_size
            << " x " << config.data.transform.image_size << " with " << loader.threads()
            << " threads: " << format_fixed(best.images_per_s, 0) << " images/s, "
            << format_fixed(best.images_per_core_s, 0) << " for each second of a core\n";
  return 0;
}

}  // namespace vicinity
