#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/config/config_reader.h"
#include "models/weights/config_json.h"

namespace vicinity {
namespace {

using Json = nlohmann::json;  // found by name in a tree: ImageNet-22k has 21,841 labels

constexpr uintmax_t kMostBytes = uintmax_t{32} << 20;  // the parsed text takes many times its size

// Fields that every model of transformers may carry, or that it derives anew whatever the file says
// (hidden_size of published DiNAT files is wrong): none changes a number of these models.
const std::set<std::string>& harmless() {
  static const std::set<std::string> names = {
      // who wrote it, and how to run it
      "_attn_implementation", "_attn_implementation_autoset", "_commit_hash", "_name_or_path",
      "architectures", "attn_implementation", "chunk_size_feed_forward", "dtype", "finetuning_task",
      "model_type", "output_attentions", "output_hidden_states", "return_dict", "tf_legacy_loss",
      "torch_dtype", "torchscript", "transformers_version", "use_bfloat16",
      // of language models
      "add_cross_attention", "bad_words_ids", "begin_suppress_tokens", "bos_token_id",
      "cross_attention_hidden_size", "decoder_start_token_id", "diversity_penalty", "do_sample",
      "early_stopping", "encoder_no_repeat_ngram_size", "eos_token_id",
      "exponential_decay_length_penalty", "forced_bos_token_id", "forced_eos_token_id",
      "is_decoder", "is_encoder_decoder", "length_penalty", "max_length", "min_length",
      "no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences",
      "output_scores", "pad_token_id", "prefix", "remove_invalid_values", "repetition_penalty",
      "return_dict_in_generate", "sep_token_id", "suppress_tokens", "task_specific_params",
      "temperature", "tie_encoder_decoder", "tie_word_embeddings", "tokenizer_class", "top_k",
      "top_p", "typical_p",
      // derived, or without effect in the published code
      "hidden_size", "num_layers", "path_norm", "stage_names", "use_mask_token",
      // read elsewhere in this file
      "apply_layernorm", "id2label", "label2id", "num_labels", "out_features", "out_indices",
      "problem_type", "reshape_hidden_states", "vicinity_name"};
  return names;
}

// A double of any size is no int: converting it would be undefined.
int64_t whole_number(const Json& value, const std::string& what, const std::string& path) {
  VIC_CHECK(DataError, value.is_number_integer(), "'", path, "': ", what, " has ",
            value.dump().substr(0, 60), "; a whole number is wanted");
  return value.get<int64_t>();
}

std::vector<std::string> names_of(const Json& map, const std::string& path) {
  std::vector<std::string> labels;
  VIC_CHECK(DataError, map.is_object(), "'", path, "': id2label is no object of numbers and names");
  for (size_t i = 0; i < map.size(); ++i) {
    const auto found = map.find(std::to_string(i));
    VIC_CHECK(DataError, found != map.end(), "'", path, "': id2label has ", map.size(),
              " names, but none for class ", i, "; they must be numbered from 0");
    labels.push_back(found->get<std::string>());
  }
  return labels;
}

std::vector<std::string> labels_of(const Json& json, const std::string& path) {
  const auto said = json.find("num_labels");
  if (json.contains("id2label") && !json.at("id2label").is_null()) {
    const std::vector<std::string> labels = names_of(json.at("id2label"), path);
    const auto count = static_cast<int64_t>(labels.size());
    VIC_CHECK(DataError, said == json.end() || whole_number(*said, "num_labels", path) == count,
              "'", path, "': num_labels = ", said == json.end() ? "" : said->dump(),
              ", but id2label has ", count, " names");
    return labels;
  }
  const int64_t count =  // what transformers assumes
      said == json.end() ? 2 : whole_number(*said, "num_labels", path);
  VIC_CHECK(DataError, count >= 0 && count <= 1'000'000, "'", path, "': num_labels = ", count);
  std::vector<std::string> labels;
  for (int64_t i = 0; i < count; ++i) labels.push_back("LABEL_" + std::to_string(i));
  return labels;
}

std::string problem_type_of(const Json& json, const std::string& path) {
  const auto found = json.find("problem_type");
  if (found == json.end() || found->is_null()) return "";
  static const std::set<std::string> types = {"regression", "single_label_classification",
                                              "multi_label_classification"};
  VIC_CHECK(DataError, found->is_string() && types.contains(found->get<std::string>()), "'", path,
            "': problem_type = ", found->dump(),
            "; there are regression, single_label_classification and multi_label_classification");
  return found->get<std::string>();
}

// NAT's config.json has no dilations: all are 1.
Json undilated(const Json& json, const std::vector<int>& otherwise, const std::string& path) {
  const Json depths = json.value("depths", Json(otherwise));
  Json dilations = Json::array();
  for (const Json& depth : depths) {
    const int64_t blocks = std::clamp<int64_t>(whole_number(depth, "depths", path), 0, 1000);
    dilations.push_back(std::vector<int>(static_cast<size_t>(blocks), 1));
  }
  return dilations;
}

// out_features, out_indices, or both: as BackboneConfigMixin checks them.
std::vector<int> stages_of(const Json& json, int stages, const std::string& path) {
  std::vector<int> by_name, by_index;
  const auto given = [&](const char* field) {
    return json.contains(field) && !json.at(field).is_null();
  };
  if (given("out_features")) {
    for (const Json& name : json.at("out_features")) {
      int stage = 0;
      while (stage <= stages && stage_name(stage) != name.get_ref<const std::string&>()) ++stage;
      VIC_CHECK(DataError, stage <= stages, "'", path, "': out_features has ", name.dump(),
                "; there are stem and stage1 to stage", stages);
      by_name.push_back(stage);
    }
  }
  if (given("out_indices")) {
    for (const Json& index : json.at("out_indices")) {
      const int64_t stage = whole_number(index, "out_indices", path);
      VIC_CHECK(DataError, stage >= -(stages + 1) && stage <= stages, "'", path,
                "': out_indices has ", stage, "; there are 0 (stem) to ", stages);
      by_index.push_back(static_cast<int>(stage < 0 ? stage + stages + 1 : stage));
    }
  }
  VIC_CHECK(DataError, by_name.empty() || by_index.empty() || by_name == by_index, "'", path,
            "': out_features ", json.value("out_features", Json()).dump(), " and out_indices ",
            json.value("out_indices", Json()).dump(), " name different stages");
  return by_name.empty() ? by_index : by_name;
}

// Sizes may be written as pairs of equal numbers.
std::string value_text(const std::string& field, const Json& value, const std::string& path) {
  const bool size = field == "image_size" || field == "patch_size";
  if (!size || !value.is_array()) return value.dump();
  VIC_CHECK(DataError, value.size() == 2 && value[0] == value[1], "'", path, "': ", field, " = ",
            value.dump(), " is not square; tables of positions are square here");
  return value[0].dump();
}

template <class C>
void read_family(const Json& json, const std::string& path, C& config) {
  const FieldList fields = fields_of(config);
  ConfigTree tree;
  std::vector<std::string> strange;
  for (const auto& [field, value] : json.items()) {
    if (fields.find(field) != nullptr) {
      VIC_CHECK(DataError, !value.is_null(), "'", path, "': ", field, " is null");
      tree.add({field, value_text(field, value, path), path});
    } else if (!harmless().contains(field) && !value.is_null() && !value.empty()) {
      strange.push_back(field + " = " + value.dump().substr(0, 60));
    }
  }
  for (const char* field : {"pruned_heads", "quantization_config"}) {
    VIC_CHECK(DataError, !json.contains(field) || json.at(field).empty(), "'", path, "': ", field,
              " is not supported: models are whole and in floating point here");
  }
  if (!strange.empty()) {
    log_warning(path, ": not known here, and without effect: ", join(strange, ", "),
                "; if the model was made to use it, its numbers will differ");
  }
  try {
    read_config(tree, config);
  } catch (const ConfigError& error) {
    throw DataError(error.message());
  }
}

void read_dinov2(const Json& json, const std::string& path, bool registers, ModelConfig& config) {
  Dinov2Config& c = config.dinov2;
  c.image_size = 224;  // Hugging Face's defaults; those of published models are ours
  c.patch_size = 16;
  if (registers) {
    c.num_register_tokens = 4;
    c.position_interpolation = "antialias";
  }
  read_family(json, path, c);
  VIC_CHECK(DataError, registers || c.num_register_tokens == 0, "'", path,
            "': num_register_tokens = ", c.num_register_tokens,
            " in a model of type dinov2; with registers it is dinov2_with_registers");
  config.backbone.apply_layernorm = json.value("apply_layernorm", true);
  config.backbone.reshape_hidden_states = json.value("reshape_hidden_states", true);
}

void read_dinat(Json json, const std::string& path, bool nat, ModelConfig& config) {
  if (nat) json["dilations"] = undilated(json, config.dinat.depths, path);
  read_family(json, path, config.dinat);
}

ModelConfig config_of(const Json& json, const std::string& path) {
  VIC_CHECK(DataError, json.is_object(), "'", path, "' is damaged: it is not a JSON object");
  const std::string type = json.value("model_type", "");
  const bool dinov2 = type == "dinov2" || type == "dinov2_with_registers";
  VIC_CHECK(DataError, type == "dinat" || type == "nat" || dinov2, "'", path, "': model_type '",
            type, "' is not supported; there are dinat, nat, dinov2 and dinov2_with_registers");
  ModelConfig config;
  config.family = dinov2 ? "dinov2" : "dinat";
  config.name = json.value("vicinity_name", type);
  config.labels = labels_of(json, path);
  config.problem_type = problem_type_of(json, path);
  if (dinov2) {
    read_dinov2(json, path, type == "dinov2_with_registers", config);
  } else {
    read_dinat(json, path, type == "nat", config);
  }
  config.backbone.stages = stages_of(json, config.stages(), path);
  return config;
}

}  // namespace

ModelConfig read_config_json(const std::string& path) {
  VIC_CHECK(DataError, std::filesystem::file_size(path) <= kMostBytes, "'", path, "' has ",
            std::filesystem::file_size(path), " bytes; a config.json of more than ", kMostBytes,
            " is not read");
  try {
    return config_of(Json::parse(read_file(path)), path);
  } catch (const nlohmann::json::exception& error) {
    VIC_FAIL(DataError, "'", path, "' is damaged: ", error.what());
  }
}

}  // namespace vicinity
