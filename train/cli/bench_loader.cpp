// vicinity bench loader: how many training images a second the loader makes, without a model.
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/runtime/profile.h"
#include "data/loader.h"
#include "train/cli/load_config.h"
#include "train/cli/verbs.h"

namespace vicinity {

int bench_loader_verb(const Arguments& arguments) {
  refuse_positional(arguments, "bench loader");
  const RunConfig config = load_run_config(arguments.all("--config"), arguments.overrides);
  const DataSets data = open_data(config.data.source, config.seed);
  const LoaderConfig loading{.threads = config.data.loader_threads, .seed = config.seed};
  Loader loader(*data.train, config.data.transform, LoaderMode::train, config.train.batch, loading);
  const int64_t epochs = arguments.number("--epochs", 5, 1);
  for (int64_t done = 0; done < data.train->size();) done += loader.next().count;  // warm files
  double best = 0, total = 0;
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    for (int64_t done = 0; done < data.train->size();) done += loader.next().count;
    const double rate = static_cast<double>(data.train->size()) / seconds_since(start);
    best = std::max(best, rate);
    total += rate;
  }
  const double mean = total / static_cast<double>(epochs);
  if (arguments.has("--json")) {
    std::cout << nlohmann::ordered_json{{"what", "loader"},
                                        {"threads", loader.threads()},
                                        {"images_per_s", best},
                                        {"images_per_s_mean", mean}}
                     .dump()
              << "\n";
    return 0;
  }
  std::cout << format_count(data.train->size()) << " images to " << config.data.transform.image_size
            << " x " << config.data.transform.image_size << " with " << loader.threads()
            << " threads: " << format_fixed(best, 0) << " images/s (mean " << format_fixed(mean, 0)
            << ")\n";
  return 0;
}

}  // namespace vicinity
