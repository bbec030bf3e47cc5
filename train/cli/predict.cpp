// vicinity predict: names and probabilities of images.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "autograd/record.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/ops/elementwise.h"
#include "core/ops/normalize_images.h"
#include "core/ops/transfer.h"
#include "data/image/decode.h"
#include "data/image/sheet.h"
#include "models/registry.h"
#include "models/weights/hf.h"
#include "train/cli/load_config.h"
#include "train/cli/verbs.h"
#include "train/evaluate.h"
#include "train/run/setup.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

struct Query {
  std::string name;
  Image image;
  std::string truth;  // empty: unknown
};

bool is_image_name(const fs::path& path) {
  const std::string end = lower(path.extension().string());
  return end == ".jpg" || end == ".jpeg" || end == ".png" || end == ".webp";
}

Query query_of(const std::string& path) {
  const std::string bytes = read_file(path);
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  return {path, decode_image({data, bytes.size()}, path), ""};
}

// Files as given; folders stand for the images in them, by name.
std::vector<std::string> files_of(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    VIC_CHECK(DataError, fs::exists(path), "no image '", path,
              "': there is no such file or folder");
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> inside;
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.is_regular_file() && is_image_name(entry.path()))
        inside.push_back(entry.path().string());
    }
    VIC_CHECK(DataError, !inside.empty(), "no images in '", path,
              "' (looked for .jpg, .jpeg, .png, .webp)");
    std::sort(inside.begin(), inside.end());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

// `count` images at equal distances through the validation set of the run.
std::vector<Query> validation_queries(const LoadedModel& loaded, int64_t count) {
  const DataSets data = open_data(loaded.config.data.source, loaded.config.seed);
  std::vector<Query> queries;
  for (int64_t i = 0; i < std::min(count, data.val->size()); ++i) {
    const int64_t index = i * data.val->size() / std::min(count, data.val->size());
    const auto label = static_cast<size_t>(data.val->label(index));
    queries.push_back(
        {data.val->name(index), data.val->load(index), data.val->class_names()[label]});
  }
  return queries;
}

std::vector<std::vector<double>> probabilities(Model& model, const std::vector<Query>& queries,
                                               const TransformConfig& transform, DType act) {
  std::vector<uint8_t> pixels;
  int64_t height = 0, width = 0;
  for (const Query& query : queries) {
    const Image image = apply_eval(query.image, transform);
    height = image.height;
    width = image.width;
    pixels.insert(pixels.end(), image.rgb.begin(), image.rgb.end());
  }
  const auto count = static_cast<int64_t>(queries.size());
  const Normalization n;
  const Tensor images =
      normalize_images(to_device(tensor_of<uint8_t>({count, height, width, 3}, pixels),
                                 model.store().value().device()),
                       n.mean, n.std, act);
  Pass pass{.training = false, .act = act};
  const NoGrad no_grad;
  const Tensor logits = cast(to_device(model.logits(images, pass).value(), kCpu), DType::f64);
  std::vector<std::vector<double>> result;
  for (int64_t row = 0; row < count; ++row) {
    std::vector<double> p = values_of<double>(logits.slice(row, row + 1));
    const double most = *std::max_element(p.begin(), p.end());
    for (double& value : p) value = std::exp(value - most);
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& value : p) value /= sum;
    result.push_back(std::move(p));
  }
  return result;
}

std::vector<size_t> best_first(const std::vector<double>& p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] > p[b]; });
  return order;
}

void print_json(const Query& query, const std::vector<double>& p,
                const std::vector<std::string>& names) {
  const size_t best = best_first(p)[0];
  nlohmann::ordered_json line{
      {"file", query.name}, {"label", names[best]}, {"probability", p[best]}};
  if (!query.truth.empty()) line["true_label"] = query.truth;
  for (size_t i = 0; i < names.size(); ++i) line["probabilities"][names[i]] = p[i];
  std::cout << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

void print_text(const Query& query, const std::vector<double>& p,
                const std::vector<std::string>& names, int64_t top) {
  std::cout << query.name << (query.truth.empty() ? "" : "  (" + query.truth + ")") << "\n";
  const std::vector<size_t> order = best_first(p);
  for (size_t i = 0; i < std::min(order.size(), static_cast<size_t>(top)); ++i) {
    std::cout << "  " << format_fixed(100 * p[order[i]], 1) << " %  " << names[order[i]] << "\n";
  }
}

}  // namespace

int predict_verb(const Arguments& arguments) {
  const bool from_run = arguments.has("--val");
  VIC_CHECK(UsageError, arguments.positional.size() >= (from_run ? 1u : 2u),
            "vicinity predict takes a run or model directory, then images or folders (or --val N)");
  const LoadedModel loaded =
      load_model_config(arguments.positional[0], arguments.all("--config"), arguments.overrides);
  const Device device = device_of(loaded.config.device);
  const auto model = make_model(loaded.config.model.architecture, DType::f32, device);
  load_hf(*model, loaded.directory);
  const DType act = activation_dtype(loaded.config.train.precision, device);
  if (act == DType::bf16) model->store().enable_copies();
  const std::vector<std::string>& names = loaded.config.model.architecture.labels;
  const auto batch = static_cast<size_t>(arguments.number("--batch", 32, 1));
  std::vector<Query> pending;
  std::vector<SheetEntry> sheet;
  const auto flush = [&] {
    if (pending.empty()) return;
    const auto p = probabilities(*model, pending, loaded.config.data.transform, act);
    for (size_t i = 0; i < pending.size(); ++i) {
      if (arguments.has("--json")) {
        print_json(pending[i], p[i], names);
      } else {
        print_text(pending[i], p[i], names, arguments.number("--top", 5, 1));
      }
      if (arguments.has("--save"))
        sheet.push_back({pending[i].image, pending[i].truth, names[best_first(p[i])[0]]});
    }
    pending.clear();
  };
  if (from_run) {
    for (Query& query : validation_queries(loaded, arguments.number("--val", 32, 1))) {
      pending.push_back(std::move(query));
      if (pending.size() == batch) flush();
    }
  }
  for (const std::string& file :
       files_of({arguments.positional.begin() + 1, arguments.positional.end()})) {
    pending.push_back(query_of(file));
    if (pending.size() == batch) flush();
  }
  flush();
  if (arguments.has("--save")) {
    write_sheet(sheet, arguments.get("--save"));
    log_info("sheet of ", sheet.size(), " images: ", arguments.get("--save"));
  }
  return 0;
}

}  // namespace vicinity
