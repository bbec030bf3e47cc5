// Model directories: ours and Hugging Face's, with and without prefix, other heads, other tables,
// and what is wrong with them.
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/files.h"
#include "models/weights/config_json.h"
#include "models/weights/describe.h"
#include "models/weights/load.h"
#include "models/weights/safetensors.h"
#include "models/weights/save.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_models.h"

namespace vicinity::testing {
namespace {

std::string fixture(const std::string& name) {
  return str(VICINITY_SOURCE_DIR, "/tests/fixtures/parity/", name);
}

// Rewrites the tensors of DIRECTORY/model.safetensors.
template <class Change>
void rewrite(const std::string& directory, Change&& change) {
  std::vector<NamedTensor> tensors;
  {
    const SafetensorsFile file(directory + "/model.safetensors");
    for (const auto& [name, entry] : file.entries()) tensors.push_back({name, file.read(name)});
  }
  change(tensors);
  write_safetensors(directory + "/model.safetensors", tensors);
}

std::string data_error(const std::function<void()>& work) {
  try {
    work();
  } catch (const DataError& error) {
    return error.message();
  }
  return "no DataError";
}

TEST(HuggingFace, SaveAndLoadIsBitEqual) {
  for (const auto& [name, config] : tiny_models()) {
    const TempDir dir;
    const auto model = tiny_model(config, DType::f32, 7);
    save_hf(*model, dir.path());
    const ModelConfig read = describe_model(dir.path()).config;
    EXPECT_EQ(read.labels, config.labels);
    EXPECT_EQ(read.family, config.family);
    const auto again = make_model(read, DType::f32);
    const LoadReport report = load_weights(*again, dir.path());
    EXPECT_EQ(report.matched, 1);
    EXPECT_TRUE(report.fresh.empty() && report.unused.empty() && report.resized.empty());
    EXPECT_TRUE(same_bits(model->store().value(), again->store().value())) << name;
    const Tensor images = cast(tiny_batch(2).images, DType::f32);
    EXPECT_TRUE(
        same_bits(model->logits(images, Pass{}).value(), again->logits(images, Pass{}).value()))
        << name;
  }
}

// What transformers wrote, loaded and saved again, has its tensors, bits and keys.
TEST(HuggingFace, FixturesSurviveLoadAndSave) {
  for (const char* name : {"dinat_k7", "dinat_k5_padded", "dinov2_mlp", "dinov2_swiglu"}) {
    SCOPED_TRACE(name);
    const TempDir dir;
    const auto model = make_model(describe_model(fixture(name)).config, DType::f64);
    load_weights(*model, fixture(name));
    save_hf(*model, dir.path());
    const SafetensorsFile before(fixture(name) + "/model.safetensors"),
        after(dir.file("model.safetensors"));
    ASSERT_EQ(before.entries().size(), after.entries().size());
    for (const auto& [tensor, entry] : before.entries()) {
      EXPECT_TRUE(same_bits(before.read(tensor), after.read(tensor))) << tensor;
    }
    const auto old_keys = nlohmann::json::parse(read_file(fixture(name) + "/config.json")),
               new_keys = nlohmann::json::parse(read_file(dir.file("config.json")));
    for (const auto& [key, value] : new_keys.items()) {
      EXPECT_EQ(value, old_keys.value(key, value)) << key;
    }
    for (const char* key : {"model_type", "architectures", "id2label", "label2id", "torch_dtype"})
      EXPECT_TRUE(new_keys.contains(key)) << key;
  }
}

TEST(HuggingFace, TheBareModelLoadsWithoutItsHead) {
  for (const auto& [name, config] : tiny_models()) {
    const TempDir dir;
    const auto model = tiny_model(config, DType::f32, 7);
    save_hf(*model, dir.path());
    rewrite(dir.path(), [](std::vector<NamedTensor>& tensors) {
      std::erase_if(tensors, [](const NamedTensor& t) { return t.name.starts_with("classifier"); });
      for (NamedTensor& t : tensors) t.name = t.name.substr(t.name.find('.') + 1);
      tensors.push_back({"pooler.dense.weight", zeros({2}, DType::f32)});
    });
    const auto again = tiny_model(config, DType::f32, 8);
    const std::vector<NamedTensor> before = again->store().publish(again->store().value());
    const LoadReport report = load_weights(*again, dir.path());
    EXPECT_EQ(report.matched, 1);
    EXPECT_EQ(report.fresh, (std::vector<std::string>{"classifier.weight", "classifier.bias"}));
    EXPECT_EQ(report.unused, std::vector<std::string>{"pooler.dense.weight"});
    EXPECT_NE(report.text().find("100.0 %"), std::string::npos) << report.text();
    EXPECT_TRUE(same_bits(before.back().tensor,
                          again->store().publish(again->store().value()).back().tensor));
  }
}

TEST(HuggingFace, AHeadOfAnotherSizeIsNewAndSaid) {
  const TempDir dir;
  save_hf(*tiny_model(tiny_dinat(), DType::f32), dir.path());
  ModelConfig other = tiny_dinat();
  other.labels = class_names(7);
  const auto model = tiny_model(other, DType::f32, 3);
  const LoadReport report = load_weights(*model, dir.path());
  EXPECT_EQ(report.fresh, (std::vector<std::string>{"classifier.weight", "classifier.bias"}));
  EXPECT_EQ(report.matched, 1);
}

TEST(HuggingFace, PositionsAreResampledToAnotherTable) {
  const TempDir dir;
  const auto model = tiny_model(tiny_dinov2(), DType::f32);
  for (const Published& p : model->store().published()) {
    if (p.name.ends_with("position_embeddings"))
      model->store().adopt(model->store().value(), p, full(p.shape, 0.5, DType::f32));
  }
  save_hf(*model, dir.path());
  ModelConfig larger = tiny_dinov2();
  larger.dinov2.image_size = 49;
  const auto again = tiny_model(larger, DType::f32, 3);
  const LoadReport report = load_weights(*again, dir.path());
  ASSERT_EQ(report.resized.size(), 1);
  EXPECT_EQ(report.resized[0].name, "dinov2_with_registers.embeddings.position_embeddings");
  for (const NamedTensor& t : again->store().publish(again->store().value())) {
    if (!t.name.ends_with("position_embeddings")) continue;
    EXPECT_EQ(t.tensor.shape(), Shape({1, 50, 32}));
    for (const float v : values_of<float>(t.tensor)) EXPECT_NEAR(v, 0.5, 1e-6);
  }
}

TEST(HuggingFace, NarrowFilesLoad) {
  const TempDir dir;
  const auto model = tiny_model(tiny_dinov2(), DType::f32);
  save_hf(*model, dir.path());
  rewrite(dir.path(), [](std::vector<NamedTensor>& tensors) {
    for (NamedTensor& t : tensors) t.tensor = cast(t.tensor, DType::bf16);
  });
  const auto again = make_model(tiny_dinov2(), DType::f32);
  load_weights(*again, dir.path());
  EXPECT_LT(relative_error(again->store().value(), model->store().value()), 4e-3);
}

// A model whose matrix products read bf16 copies must see what was loaded.
TEST(HuggingFace, LoadingRefreshesCopies) {
  const TempDir dir;
  save_hf(*tiny_model(tiny_dinat(), DType::f32, 1), dir.path());
  const auto model = tiny_model(tiny_dinat(), DType::bf16, 2),
             expected = tiny_model(tiny_dinat(), DType::bf16, 1);
  load_weights(*model, dir.path());
  const Tensor images = cast(tiny_batch(2).images, DType::bf16);
  const Pass pass{.act = DType::bf16};
  EXPECT_TRUE(
      same_bits(model->logits(images, pass).value(), expected->logits(images, pass).value()));
}

TEST(HuggingFace, WrongFilesAreNamed) {
  const TempDir dir;
  const auto model = tiny_model(tiny_dinat(), DType::f32);
  EXPECT_NE(data_error([&] { load_weights(*model, dir.path()); }).find("model.safetensors"),
            std::string::npos);
  save_hf(*model, dir.path());
  const auto other = tiny_model(tiny_dinov2(), DType::f32);
  EXPECT_NE(data_error([&] { load_weights(*other, dir.path()); }).find("another architecture"),
            std::string::npos);
  ModelConfig wider = tiny_dinat();
  wider.dinat.embed_dim = 32;
  const std::string message =
      data_error([&] { load_weights(*tiny_model(wider, DType::f32), dir.path()); });
  EXPECT_NE(message.find("[8, 3, 3, 3]"), std::string::npos) << message;
  EXPECT_NE(message.find("[16, 3, 3, 3]"), std::string::npos) << message;
}

}  // namespace
}  // namespace vicinity::testing
