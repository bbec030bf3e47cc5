#include "train/cli/embed_outputs.h"

#include "core/base/text.h"
#include "core/ops/elementwise.h"

namespace vicinity {
namespace {

using Field = bool OutputRequest::*;

const std::vector<std::pair<std::string, Field>>& plain_words() {
  static const std::vector<std::pair<std::string, Field>> words = {
      {"pooled", &OutputRequest::pooler_output},
      {"last_hidden_state", &OutputRequest::last_hidden_state},
      {"hidden_states", &OutputRequest::hidden_states},
      {"reshaped_hidden_states", &OutputRequest::reshaped_hidden_states},
      {"attentions", &OutputRequest::attentions},
      {"logits", &OutputRequest::logits},
      {"features", &OutputRequest::feature_maps}};
  return words;
}

std::vector<std::string> all_words(const ModelConfig& config) {
  std::vector<std::string> words;
  for (const auto& [word, field] : plain_words()) {
    const bool of_dinat = field == &OutputRequest::reshaped_hidden_states;
    if (!of_dinat || config.family == "dinat") words.push_back(word);
  }
  for (int stage = 0; stage <= config.stages(); ++stage)
    words.push_back("features." + stage_name(stage));
  return words;
}

void add_word(const std::string& word, const ModelConfig& config, OutputRequest& request,
              std::vector<int>& stages) {
  const std::vector<std::string> known = all_words(config);
  if (std::find(known.begin(), known.end(), word) == known.end()) {
    const std::string near = nearest(word, known);
    VIC_FAIL(UsageError, "--outputs: unknown output '", word, "'",
             near.empty() ? "." : "; did you mean '" + near + "'?", " There are ",
             join(known, ", "));
  }
  for (const auto& [plain, field] : plain_words()) {
    if (word == plain) request.*field = true;
  }
  if (word == "features") {
    const std::vector<int> named = config.feature_stages();
    stages.insert(stages.end(), named.begin(), named.end());
  }
  for (int stage = 0; stage <= config.stages(); ++stage) {
    if (word == "features." + stage_name(stage)) stages.push_back(stage);
  }
}

}  // namespace

OutputRequest parse_outputs(const std::string& words, ModelConfig& config) {
  OutputRequest request;
  std::vector<int> stages;
  for (const std::string& word : split(words, ',')) add_word(word, config, request, stages);
  request.feature_maps = !stages.empty();
  if (request.feature_maps) {
    config.backbone.stages = stages;
    config.backbone.built = true;
  }
  return request;
}

std::vector<NamedTensor> named_outputs(const Outputs& outputs, const ModelConfig& config) {
  std::vector<NamedTensor> arrays;
  const auto add = [&](const std::string& name, const Tensor& tensor) {
    if (tensor.defined()) arrays.push_back({name, cast(tensor, DType::f32)});
  };
  const auto add_all = [&](const std::string& name, const std::vector<Tensor>& tensors) {
    for (size_t i = 0; i < tensors.size(); ++i) add(str(name, ".", i), tensors[i]);
  };
  add("pooled", outputs.pooler_output);
  add("last_hidden_state", outputs.last_hidden_state);
  add_all("hidden_states", outputs.hidden_states);
  add_all("reshaped_hidden_states", outputs.reshaped_hidden_states);
  add_all("attentions", outputs.attentions);
  add("logits", outputs.logits);
  const std::vector<int> stages = config.feature_stages();
  for (size_t i = 0; i < outputs.feature_maps.size(); ++i)
    add("features." + stage_name(stages[i]), outputs.feature_maps[i]);
  return arrays;
}

}  // namespace vicinity
