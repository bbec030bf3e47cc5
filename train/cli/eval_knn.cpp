// vicinity eval knn: how well the nearest training images tell the class, without any training.
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "train/cli/eval_setup.h"
#include "train/cli/on_ranks.h"
#include "train/cli/verbs.h"

namespace vicinity {
namespace {

void print_json(const std::vector<int64_t>& counts, const std::vector<EvalReport>& reports,
                int64_t training_images) {
  nlohmann::ordered_json json{{"method", "knn"},
                              {"n", reports[0].count()},
                              {"training_images", training_images},
                              {"headline_k", counts[headline_of(counts)]}};
  for (size_t i = 0; i < counts.size(); ++i) {
    json["k"].push_back({{"k", counts[i]},
                         {"top1", reports[i].top1()},
                         {"top5", reports[i].top5()},
                         {"top1_percent", reports[i].top1_percent()},
                         {"top5_percent", reports[i].top5_percent()},
                         {"balanced_percent", reports[i].balanced_percent()}});
  }
  std::cout << json.dump() << "\n";
}

std::string table(const std::vector<int64_t>& counts, const std::vector<EvalReport>& reports) {
  std::string text;
  for (size_t i = 0; i < counts.size(); ++i) {
    const EvalReport& r = reports[i];
    text +=
        str("  k ", counts[i], std::string(counts[i] < 100 ? 2 : 1, ' '), "top-1 ",
            format_fixed(r.top1_percent(), 2), " % (", format_count(r.top1()), " of ",
            format_count(r.count()), "), top-5 ", format_fixed(r.top5_percent(), 2), " %",
            r.unbalanced() ? str(", balanced ", format_fixed(r.balanced_percent(), 2), " %") : "",
            "\n");
  }
  return text;
}

int evaluate_neighbours(const Arguments& arguments, Communicator* comm) {
  const EvalSetup setup = open_evaluation(arguments, "eval knn", comm);
  const auto model = load_model(setup);
  const FeatureSettings settings = feature_settings(setup, arguments, 0);
  const LabelledFeatures bank = labelled_features(*model, *setup.data.train, settings, "training"),
                         queries =
                             labelled_features(*model, *setup.data.val, settings, "validation");
  if (!goes_on_alone(setup, "nearest neighbours")) return 0;
  const std::vector<int64_t> counts = neighbour_counts(bank.values.dim(0));
  const auto classes = static_cast<int64_t>(setup.data.train->class_names().size());
  const std::vector<EvalReport> reports = knn(bank, queries, classes, counts, setup.device);
  const size_t best = headline_of(counts);
  const EvalSubject subject{.model = setup.loaded.directory,
                            .method = str("knn, k = ", counts[best])};
  if (arguments.has("--json")) {
    if (arguments.has("--out"))
      write_eval_files(arguments.get("--out"), reports[best], *setup.data.val, subject);
    print_json(counts, reports, bank.values.dim(0));
    return 0;
  }
  show_evaluation(
      arguments, reports[best], *setup.data.val, subject,
      str(setup.loaded.directory, ": nearest neighbours among ", format_count(bank.values.dim(0)),
          " training images\n", table(counts, reports), "of k = ", counts[best], ":"));
  return 0;
}

}  // namespace

int eval_knn_verb(const Arguments& arguments) {
  return run_on_ranks(arguments, evaluate_neighbours);
}

}  // namespace vicinity
