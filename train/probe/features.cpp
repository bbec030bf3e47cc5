#include "train/probe/features.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <memory>

#include "core/base/files.h"
#include "core/ops/elementwise.h"
#include "core/ops/normalize_images.h"
#include "core/ops/token_pool.h"
#include "core/ops/transfer.h"
#include "core/runtime/profile.h"
#include "data/arrays/array_file.h"
#include "data/loader.h"
#include "models/inference_plan.h"
#include "models/weights/safetensors.h"
#include "train/evaluate.h"
#include "train/inference_memory.h"
#include "train/probe/feature_identity.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

constexpr double kSecondsBetweenCommits = 5;
constexpr const char* kArray = "features";

// Class tokens of `maps` ([B, T, D] of the activations' dtype), then the class token and the mean
// over the patches of `last`.
Tensor token_features(const std::vector<Tensor>& maps, const Tensor& last, int64_t prefix) {
  const int64_t batch = last.dim(0), width = last.dim(2),
                columns = (static_cast<int64_t>(maps.size()) + 2) * width;
  Tensor rows = empty({batch, columns}, DType::f32);
  for (size_t i = 0; i < maps.size(); ++i) {
    const Tensor map = cast(maps[i], DType::f32);
    for (int64_t b = 0; b < batch; ++b) {
      std::copy_n(map.data<float>() + b * map.dim(1) * width, width,
                  rows.data<float>() + b * columns + static_cast<int64_t>(i) * width);
    }
  }
  const Tensor pooled = cast(token_pool(last, prefix, true), DType::f32);
  for (int64_t b = 0; b < batch; ++b) {
    std::copy_n(pooled.data<float>() + b * 2 * width, 2 * width,
                rows.data<float>() + (b + 1) * columns - 2 * width);
  }
  return rows;
}

OutputRequest request_of(const FeatureSettings& settings) {
  if (settings.blocks == 0) return {.pooler_output = true};
  return {.last_hidden_state = true, .feature_maps = settings.blocks > 1};
}

Tensor rows_of(const Outputs& outputs, const ModelConfig& config, int blocks) {
  if (blocks == 0) return cast(outputs.pooler_output, DType::f32);
  return token_features(outputs.feature_maps, outputs.last_hidden_state,
                        1 + config.dinov2.num_register_tokens);
}

void check_rows(const Tensor& rows, const Batch& batch, const Source& source) {
  const float* values = rows.data<float>();
  for (int64_t i = 0; i < rows.size(); ++i) {
    VIC_CHECK(
        DataError, std::isfinite(values[i]), "the features of ",
        source.name(batch.indices[static_cast<size_t>(batch.first + i / rows.dim(1))]),
        " are not finite: the weights of the model are damaged, or their numbers overflow in ",
        "this precision (train.precision=fp32)");
  }
}

// Rows from memory or, where they are kept, by way of the file.
class Sink {
 public:
  Sink(const std::string& path, const std::string& identity, int64_t count)
      : path_(path), identity_(identity), count_(count) {
    if (path_.empty()) return;
    make_directories(fs::path(path_).parent_path().string());
    file_ = ArrayFile::resume(path_, identity_);
    if (file_) done_ = file_->rows(0);
  }
  int64_t done() const { return done_; }
  void add(const Tensor& rows) {
    if (path_.empty()) {
      if (!values_.defined()) values_ = empty({count_, rows.dim(1)}, DType::f32);
      std::copy_n(rows.data<float>(), rows.size(), values_.data<float>() + done_ * rows.dim(1));
    } else {
      if (!file_)
        file_ = ArrayFile::create(path_, identity_,
                                  {{kArray, ArraySpec::Type::f32, count_, {rows.dim(1)}}});
      file_->append(0, rows.raw(), rows.bytes());
      if (seconds_since(committed_) > kSecondsBetweenCommits) {
        file_->commit();
        committed_ = std::chrono::steady_clock::now();
      }
    }
    done_ += rows.dim(0);
  }
  Tensor finish() {
    if (path_.empty()) return values_;
    file_->finish();
    return SafetensorsFile(path_).read(kArray);
  }

 private:
  std::string path_, identity_;
  int64_t count_, done_ = 0;
  Tensor values_;
  std::unique_ptr<ArrayFile> file_;
  std::chrono::steady_clock::time_point committed_ = std::chrono::steady_clock::now();
};

// The rows of all ranks, in their order, to rank 0's sink.
void add_of_ranks(const Tensor& rows, Communicator& comm, Sink& sink) {
  const std::string bytes = rows.defined() ? std::string(rows.raw(), rows.bytes()) : "";
  for (const std::string& part : comm.gather_texts(bytes)) {
    if (part.empty()) continue;  // a short last batch; rank 0 has the first images of each
    Tensor theirs = empty(
        {static_cast<int64_t>(part.size() / sizeof(float)) / rows.dim(1), rows.dim(1)}, DType::f32);
    std::memcpy(theirs.raw(), part.data(), part.size());
    sink.add(theirs);
  }
}

Tensor compute(const Model& model, const Source& source, const FeatureSettings& settings,
               Sink& sink) {
  Communicator* comm = settings.comm;
  Loader loader(source, settings.transform, LoaderMode::eval, batch_of_ranks(settings.batch, comm),
                share_of_rank({.threads = settings.loader_threads}, settings.batch, comm));
  const Normalization normalization = normalization_of(settings.transform);
  const Device device = model.store().value().device();
  InferencePlan plan(model, request_of(settings), settings.act);
  const auto rows_of_batch = [&](const Batch& batch) {
    const Tensor images = normalize_images(to_device(images_of(batch), device), normalization.mean,
                                           normalization.std, settings.act);
    Tensor rows = rows_of(plan(images), model.config(), settings.blocks);
    check_rows(rows, batch, source);
    return rows;
  };
  int64_t done = comm == nullptr ? sink.done() : comm->broadcast_number(sink.done());
  if (done < source.size()) loader.seek(0, done);
  while (done < source.size()) {
    if (comm != nullptr) comm->doing("features", -1);
    const Batch batch = loader.next();
    const Tensor rows = batch.count > 0 ? rows_of_batch(batch) : Tensor();
    if (comm == nullptr) sink.add(rows);
    if (comm != nullptr) add_of_ranks(rows, *comm, sink);
    done += batch.whole();
    if (settings.progress) settings.progress(done);
  }
  return is_first(comm) ? sink.finish() : Tensor();
}

}  // namespace

ModelConfig feature_architecture(ModelConfig config, int blocks) {
  VIC_CHECK(ConfigError, blocks == 0 || config.family == "dinov2",
            "features of the last layers are DINOv2's; ", config.family, " has its pooled map");
  VIC_CHECK(ConfigError, blocks <= config.stages(), "features of the last ", blocks,
            " layers of a model that has ", config.stages());
  if (blocks <= 1) return config;
  config.backbone = {
      .stages = {}, .apply_layernorm = true, .reshape_hidden_states = false, .built = true};
  for (int i = blocks - 1; i > 0; --i) config.backbone.stages.push_back(config.stages() - i);
  return config;
}

Features features_of(const Model& model, const Source& source, const FeatureSettings& settings) {
  Features result;
  for (int64_t i = 0; i < source.size(); ++i) result.labels.push_back(source.label(i));
  std::string identity;
  if (is_first(settings.comm) && !settings.cache.empty()) {
    identity = feature_identity(model, source, settings);
    result.file = settings.cache + "/" + identity + ".safetensors";
    result.reused = fs::exists(result.file);
  }
  if (settings.comm != nullptr) result.reused = settings.comm->broadcast_number(result.reused) != 0;
  if (result.reused && !is_first(settings.comm)) return result;
  if (result.reused) {
    result.values = SafetensorsFile(result.file).read(kArray);
    VIC_CHECK(DataError, result.values.dim(0) == source.size(), "'", result.file, "' holds ",
              result.values.dim(0), " rows for ", source.size(), " images; remove it");
    return result;
  }
  Sink sink(result.file, identity, source.size());
  const auto side = settings.transform.image_size;
  try {
    result.values = compute(model, source, settings, sink);
  } catch (OutOfMemory& error) {
    const Shape images{settings.batch, side, side, settings.transform.channels()};
    explain(error, {model, request_of(settings), settings.act, images, "train.micro_batch="});
    throw;
  }
  return result;
}

}  // namespace vicinity
