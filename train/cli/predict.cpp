// vicinity predict: names and probabilities of images.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/ops/elementwise.h"
#include "core/runtime/cpu.h"
#include "data/image/sheet.h"
#include "train/cli/image_list.h"
#include "train/cli/image_model.h"
#include "train/cli/list_progress.h"
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

std::vector<double> softmax_of(std::vector<double> p) {
  const double most = *std::max_element(p.begin(), p.end());
  for (double& value : p) value = std::exp(value - most);
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& value : p) value /= sum;
  return p;
}

std::vector<size_t> best_first(const std::vector<double>& p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] > p[b]; });
  return order;
}

void print_json(const Query& query, const std::vector<double>& logits,
                const std::vector<std::string>& names) {
  const std::vector<double> p = softmax_of(logits);
  const size_t best = best_first(p)[0];
  nlohmann::ordered_json line{
      {"file", query.name}, {"label", names[best]}, {"probability", p[best]}};
  if (!query.truth.empty()) line["true_label"] = query.truth;
  for (size_t i = 0; i < names.size(); ++i) line["probabilities"][names[i]] = p[i];
  line["logits"] = logits;
  std::cout << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

void print_text(const Query& query, const std::vector<double>& logits,
                const std::vector<std::string>& names, int64_t top) {
  std::cout << query.name << (query.truth.empty() ? "" : "  (" + query.truth + ")") << "\n";
  const std::vector<double> p = softmax_of(logits);
  const std::vector<size_t> order = best_first(p);
  for (size_t i = 0; i < std::min(order.size(), static_cast<size_t>(top)); ++i) {
    std::cout << "  " << format_fixed(100 * p[order[i]], 1) << " %  " << names[order[i]] << "\n";
  }
}

// Where the answers go, and how far they have come.
class Answers {
 public:
  Answers(const Arguments& arguments, const std::vector<std::string>& names, size_t total)
      : names_(names),
        json_(arguments.has("--json")),
        top_(arguments.number("--top", 5, 1)),
        sheet_file_(arguments.get("--save")),
        total_(total),
        progress_(total) {}

  bool draws() const { return !sheet_file_.empty() && sheet_.size() < kMostOnASheet; }
  void add(Query& query, const std::vector<double>& logits) {
    if (json_) {
      print_json(query, logits, names_);
    } else {
      print_text(query, logits, names_, top_);
    }
    if (draws())
      sheet_.push_back({std::move(query.small), query.truth, names_[best_first(logits)[0]]});
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
  const std::vector<std::string>& names_;
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

}  // namespace

int predict_verb(const Arguments& arguments) {
  VIC_CHECK(UsageError, arguments.positional.size() >= (arguments.has("--val") ? 1u : 2u),
            "vicinity predict takes a run or model directory, then images or folders (or --val N)");
  const LoadedModel loaded =
      load_model_config(arguments.positional[0], arguments.all("--config"), arguments.overrides);
  if (loaded.config.threads > 0) cpu().set_threads(loaded.config.threads);
  check_has_classifier(loaded);
  check_channels(loaded.config.model.architecture);
  const std::vector<std::string>& names = loaded.config.model.architecture.labels;
  const std::vector<QuerySource> sources = sources_of(arguments, loaded.config);
  ImageModel model(loaded, {.logits = true});
  Answers answers(arguments, names, sources.size());
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
