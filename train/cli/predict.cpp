// vicinity predict: names and probabilities of images.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/ops/elementwise.h"
#include "core/runtime/cpu.h"
#include "data/image/sheet.h"
#include "train/cli/image_list.h"
#include "train/cli/image_model.h"
#include "train/cli/list_progress.h"
#include "train/cli/picture_file.h"
#include "train/cli/scores.h"
#include "train/cli/verbs.h"
#include "train/run/setup.h"

namespace vicinity {
namespace {

constexpr size_t kMostOnASheet = 400;

// `count` images at equal distances through the validation set of the run.
std::vector<QuerySource> validation_queries(const std::shared_ptr<Source>& data, int64_t count) {
  std::vector<QuerySource> sources;
  count = std::min(count, data->size());
  for (int64_t i = 0; i < count; ++i) {
    const int64_t index = i * data->size() / count;
    const auto label = static_cast<size_t>(data->label(index));
    sources.push_back({data->name(index), data->class_names()[label],
                       [data, index] { return data->load(index); }});
  }
  return sources;
}

// Logits of each image; all are of the size of the first.
std::vector<std::vector<double>> logits_of(ImageModel& model, std::span<const Query> queries) {
  const Tensor all = cast(model.outputs(queries).logits, DType::f64);
  std::vector<std::vector<double>> rows;
  for (int64_t row = 0; row < all.dim(0); ++row)
    rows.push_back(values_of<double>(all.slice(row, row + 1)));
  return rows;
}

// What the answers are called, and what the numbers behind them mean.
struct Answer {
  std::vector<std::string> names;
  ScoreKind kind;

  explicit Answer(const ModelConfig& config)
      : names(distinct_names(config.labels)), kind(score_kind_of(config)) {}
};

void print_json(const Query& query, const std::vector<double>& logits, const Answer& answer) {
  const std::vector<double> scores = scores_of(logits, answer.kind);
  nlohmann::ordered_json line{{"file", query.name}};
  if (answer.kind != ScoreKind::value) {
    const size_t best = best_first(scores)[0];
    line["label"] = answer.names[best];
    line["probability"] = scores[best];
  }
  if (!query.truth.empty()) line["true_label"] = query.truth;
  nlohmann::ordered_json::object_t each;  // names are distinct: no need to look for each
  for (size_t i = 0; i < scores.size(); ++i) each.emplace_back(answer.names[i], scores[i]);
  line[answer.kind == ScoreKind::value ? "values" : "probabilities"] = std::move(each);
  line["logits"] = logits;
  std::cout << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

void print_text(const Query& query, const std::vector<double>& logits, const Answer& answer,
                int64_t top) {
  std::cout << query.name << (query.truth.empty() ? "" : "  (" + query.truth + ")") << "\n";
  const std::vector<double> scores = scores_of(logits, answer.kind);
  const std::vector<size_t> order = best_first(scores);
  for (size_t i = 0; i < std::min(order.size(), static_cast<size_t>(top)); ++i) {
    const double score = scores[order[i]];
    std::cout << "  "
              << (answer.kind == ScoreKind::value ? format_number(score)
                                                  : format_fixed(100 * score, 1) + " %")
              << "  " << answer.names[order[i]] << "\n";
  }
}

// Where the answers go, and how far they have come.
class Answers {
 public:
  Answers(const Arguments& arguments, const ModelConfig& config, size_t total)
      : answer_(config),
        json_(arguments.has("--json")),
        top_(arguments.number("--top", 5, 1)),
        sheet_file_(arguments.get("--save")),
        total_(total),
        progress_(total) {}

  bool draws() const { return !sheet_file_.empty() && sheet_.size() < kMostOnASheet; }
  void add(Query& query, const std::vector<double>& logits) {
    if (json_) {
      print_json(query, logits, answer_);
    } else {
      print_text(query, logits, answer_, top_);
    }
    if (draws())
      sheet_.push_back({std::move(query.small), query.truth, answer_.names[best_first(logits)[0]]});
  }
  void add_failure(const Query& query) {
    log_line(LogLevel::error, query.error);
    ++failed_;
  }
  void show_progress(size_t done) {
    std::cout.flush();
    progress_.show(done);
  }
  /// DataError if an image could not be used.
  void finish() {
    log_progress("");
    if (!sheet_.empty()) {
      write_sheet(sheet_, sheet_file_);
      log_info("sheet of ", sheet_.size() < total_ - failed_ ? "the first " : "", sheet_.size(),
               sheet_.size() == 1 ? " image: " : " images: ", sheet_file_);
    }
    VIC_CHECK(DataError, failed_ == 0, failed_, " of ", total_,
              " images could not be used; each is named above, the others were predicted");
  }

 private:
  Answer answer_;
  bool json_;
  int64_t top_;
  std::string sheet_file_;
  size_t total_, failed_ = 0;
  std::vector<SheetEntry> sheet_;
  ListProgress progress_;
};

// Neighbours of one size go through the model together.
void answer(ImageModel& model, std::vector<Query>& queries, Answers& answers) {
  for (size_t begin = 0; begin < queries.size();) {
    if (!queries[begin].error.empty()) {
      answers.add_failure(queries[begin++]);
      continue;
    }
    const size_t end = end_of_one_size(queries, begin);
    const auto rows = logits_of(model, std::span(queries).subspan(begin, end - begin));
    for (size_t i = begin; i < end; ++i) answers.add(queries[i], rows[i - begin]);
    begin = end;
  }
}

std::vector<QuerySource> sources_of(const Arguments& arguments, const RunConfig& config) {
  std::vector<QuerySource> sources;
  if (arguments.has("--val")) {
    sources = validation_queries(open_data(config.data.source, config.seed).val,
                                 arguments.number("--val", 32, 1));
  }
  for (QuerySource& source : file_queries(
           list_images({arguments.positional.begin() + 1, arguments.positional.end()}, std::cin),
           config.data.source.exif == "apply"))
    sources.push_back(std::move(source));
  VIC_CHECK(DataError, !sources.empty(), "no images: the list is empty");
  return sources;
}

std::vector<std::string> names_of(const std::vector<QuerySource>& sources) {
  std::vector<std::string> names;
  for (const QuerySource& source : sources) names.push_back(source.name);
  return names;
}

}  // namespace

int predict_verb(const Arguments& arguments) {
  VIC_CHECK(UsageError, arguments.positional.size() >= (arguments.has("--val") ? 1u : 2u),
            "vicinity predict takes a run or model directory, then images or folders (or --val N)");
  const LoadedModel loaded =
      load_model_config(arguments.positional[0], arguments.all("--config"), arguments.overrides);
  if (loaded.config.threads > 0) cpu().set_threads(loaded.config.threads);
  check_has_classifier(loaded);
  check_channels(loaded.config.model.architecture);
  const std::vector<QuerySource> sources = sources_of(arguments, loaded.config);
  if (arguments.has("--save"))
    check_picture_file(arguments.get("--save"), "--save", names_of(sources));
  ImageModel model(loaded, {.logits = true});
  Answers answers(arguments, loaded.config.model.architecture, sources.size());
  const auto batch = static_cast<size_t>(arguments.number("--batch", 32, 1));
  for (size_t begin = 0; begin < sources.size(); begin += batch) {
    const size_t end = std::min(sources.size(), begin + batch);
    std::vector<Query> queries = read_queries(sources, begin, end, loaded.config.data.transform,
                                              answers.draws() ? tile_side(sources.size()) : 0);
    answer(model, queries, answers);
    answers.show_progress(end);
  }
  answers.finish();
  return 0;
}

}  // namespace vicinity
