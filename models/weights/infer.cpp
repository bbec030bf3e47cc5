#include <cmath>
#include <functional>

#include "core/base/text.h"
#include "models/weights/describe.h"

namespace vicinity {
namespace {

// Shapes by name, and which of them told what.
class Reader {
 public:
  Reader(const WeightContents& contents, Inferred& result) : contents_(contents), result_(result) {}

  // The shape of a tensor that must be there, with so many axes.
  Shape need(const std::string& name, int rank) const {
    const auto found = contents_.shapes().find(name);
    VIC_CHECK(DataError, found != contents_.shapes().end(), "'", contents_.path(),
              "' is not a whole ", result_.config.family, ": ", name, " is missing");
    VIC_CHECK(DataError, found->second.rank() == rank && found->second.size() > 0, "'",
              contents_.path(), "': ", name, " has shape ", found->second, ", not ", rank, " axes");
    return found->second;
  }
  bool has(const std::string& name) const { return contents_.has(name); }
  const std::string& path() const { return contents_.path(); }

  template <class T, class V>
  void tell(const char* field, T& member, const V& value, const std::string& tensor) {
    member = static_cast<T>(value);
    result_.evidence[field] = tensor;
  }

  // Blocks PREFIX0.SUFFIX, PREFIX1.SUFFIX, ... that are there.
  int count(const std::string& prefix, const std::string& suffix) const {
    int n = 0;
    while (has(str(prefix, n, suffix))) ++n;
    return n;
  }

 private:
  const WeightContents& contents_;
  Inferred& result_;
};

double ratio(int64_t hidden, int64_t width) {
  return static_cast<double>(hidden) / static_cast<double>(width);
}

void infer_dinat(Reader& file, DinatConfig& c) {
  const std::string first = "embeddings.patch_embeddings.projection.0.weight";
  const Shape stem = file.need(first, 4);
  file.tell("num_channels", c.num_channels, stem[1], first);
  const std::string norm = "embeddings.norm.weight";
  const Shape width = file.need(norm, 1);
  VIC_CHECK(DataError, 2 * stem[0] == width[0], "'", file.path(), "': ", first, " ", stem, " and ",
            norm, " ", width, " are not of one DiNAT");
  file.tell("embed_dim", c.embed_dim, width[0], norm);
  std::vector<int> depths, heads;
  for (int level = 0;; ++level) {
    const std::string layers = str("encoder.levels.", level, ".layers.");
    const int depth = file.count(layers, ".attention.self.rpb");
    if (depth == 0) break;
    depths.push_back(depth);
    heads.push_back(static_cast<int>(file.need(layers + "0.attention.self.rpb", 3)[0]));
  }
  const std::string block = "encoder.levels.0.layers.0.";
  const Shape rpb = file.need(block + "attention.self.rpb", 3);
  file.tell("depths", c.depths, depths, "encoder.levels.*.layers.*.attention.self.rpb");
  file.tell("num_heads", c.num_heads, heads, "encoder.levels.*.layers.0.attention.self.rpb");
  file.tell("kernel_size", c.kernel_size, (rpb[2] + 1) / 2, block + "attention.self.rpb");
  const std::string fc1 = block + "intermediate.dense.weight";
  file.tell("mlp_ratio", c.mlp_ratio, ratio(file.need(fc1, 2)[0], c.embed_dim), fc1);
  const std::string query = block + "attention.self.query.";
  file.tell("qkv_bias", c.qkv_bias, file.has(query + "bias"), query + "weight");
  const bool scaled = file.has(block + "layer_scale_parameters");
  file.tell("layer_scale_init_value", c.layer_scale_init_value, scaled ? 1e-5 : 0,
            block + (scaled ? "layer_scale_parameters" : "layernorm_before.weight"));
  c.dilations.clear();
  for (const int depth : depths) c.dilations.emplace_back(static_cast<size_t>(depth), 1);
}

// A ratio that gives this hidden width, which is two thirds of ratio * width, rounded up to 8.
double swiglu_ratio(Dinov2Config c, int64_t hidden) {
  c.use_swiglu_ffn = true;
  for (const double candidate : {4.0, 1.5 * ratio(hidden, c.hidden_size)}) {
    c.mlp_ratio = candidate;
    if (c.ffn_width() == hidden) return candidate;
  }
  return 1.5 * ratio(hidden - 4, c.hidden_size);
}

void infer_dinov2(Reader& file, Dinov2Config& c) {
  const std::string patch = "embeddings.patch_embeddings.projection.weight";
  const Shape kernel = file.need(patch, 4);
  file.tell("hidden_size", c.hidden_size, kernel[0], patch);
  file.tell("num_channels", c.num_channels, kernel[1], patch);
  file.tell("patch_size", c.patch_size, kernel[2], patch);
  const std::string table = "embeddings.position_embeddings";
  const Shape positions = file.need(table, 3);
  const int64_t side = std::llround(std::sqrt(static_cast<double>(positions[1] - 1)));
  VIC_CHECK(DataError, side >= 1 && side * side == positions[1] - 1, "'", file.path(), "': ", table,
            " has shape ", positions, ", which is not one row and a square grid of them");
  VIC_CHECK(DataError, positions[2] == kernel[0], "'", file.path(), "': ", table, " ", positions,
            " and ", patch, " ", kernel, " are not of one DINOv2");
  file.tell("image_size", c.image_size, side * kernel[2], table);
  const std::string registers = "embeddings.register_tokens";
  const bool has_registers = file.has(registers);
  file.tell("num_register_tokens", c.num_register_tokens,
            has_registers ? file.need(registers, 3)[1] : 0, has_registers ? registers : table);
  file.tell("num_hidden_layers", c.num_hidden_layers, file.count("encoder.layer.", ".norm1.weight"),
            "encoder.layer.*.norm1.weight");
  const std::string block = "encoder.layer.0.", gate = block + "mlp.weights_out.weight";
  const std::string ffn = file.has(gate) ? gate : block + "mlp.fc2.weight";
  file.tell("use_swiglu_ffn", c.use_swiglu_ffn, file.has(gate), ffn);
  const int64_t hidden = file.need(ffn, 2)[1];
  file.tell("mlp_ratio", c.mlp_ratio,
            c.use_swiglu_ffn ? swiglu_ratio(c, hidden) : ratio(hidden, c.hidden_size), ffn);
  const std::string query = block + "attention.attention.query.";
  file.tell("qkv_bias", c.qkv_bias, file.has(query + "bias"), query + "weight");
  if (c.hidden_size % 64 == 0) c.num_attention_heads = c.hidden_size / 64;
  c.position_interpolation = has_registers ? "antialias" : "hf437";
}

}  // namespace

Inferred infer_config(const WeightContents& contents) {
  Inferred result;
  ModelConfig& config = result.config;
  config.family = contents.family();
  Reader file(contents, result);
  if (config.family == "dinat") {
    infer_dinat(file, config.dinat);
  } else {
    infer_dinov2(file, config.dinov2);
    // timm resamples the tables of all its models this way.
    if (contents.format() == NameFormat::timm) config.dinov2.position_interpolation = "antialias";
  }
  const char* head = "classifier.weight";
  const int64_t classes = file.has(head) ? file.need(head, 2)[0] : 2;
  for (int64_t i = 0; i < classes; ++i) config.labels.push_back(str("LABEL_", i));
  return result;
}

}  // namespace vicinity
