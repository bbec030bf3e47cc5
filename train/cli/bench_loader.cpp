// vicinity bench loader: how many training images a second the loader makes, without a model.
#include <sys/resource.h>

#include <chrono>
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
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int bench_loader_verb(const Arguments& arguments) {
  refuse_positional(arguments, "bench loader");
  const RunConfig config = load_run_config(arguments.all("--config"), arguments.overrides);
  const DataSets data = open_data(config.data.source, config.seed);
  const LoaderConfig loading{.threads = config.data.loader_threads, .seed = config.seed};
  Loader loader(*data.train, config.data.transform, LoaderMode::train, config.train.batch, loading);
  const int64_t epochs = arguments.number("--epochs", 5, 1);
  for (int64_t done = 0; done < data.train->size();) done += loader.next().count;  // warm files
  double best = 0, best_core = 0;
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    const double cpu_start = cpu_seconds();
    for (int64_t done = 0; done < data.train->size();) done += loader.next().count;
    const auto count = static_cast<double>(data.train->size());
    best = std::max(best, count / seconds_since(start));
    best_core = std::max(best_core, count / (cpu_seconds() - cpu_start));
  }
  if (arguments.has("--json")) {
    std::cout << nlohmann::ordered_json{{"what", "loader"},
                                        {"threads", loader.threads()},
                                        {"images_per_s", best},
                                        {"images_per_core_s", best_core}}
                     .dump()
              << "\n";
    return 0;
  }
  std::cout << format_count(data.train->size()) << " images to " << config.data.transform.image_size
            << " x " << config.data.transform.image_size << " with " << loader.threads()
            << " threads: " << format_fixed(best, 0) << " images/s, " << format_fixed(best_core, 0)
            << " for each second of a core\n";
  return 0;
}

}  // namespace vicinity
