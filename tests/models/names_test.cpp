// Names of the original repositories and of timm, against files whose names were made apart from
// ours (tests/fixtures/make_names.py): they hold the same model as Hugging Face's.
#include "core/base/text.h"
#include "models/weights/contents.h"
#include "models/weights/describe.h"
#include "models/weights/load.h"
#include "models/weights/safetensors.h"
#include "models/weights/save.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_models.h"

namespace vicinity::testing {
namespace {

std::string fixture(const std::string& name) {
  return str(VICINITY_SOURCE_DIR, "/tests/fixtures/", name);
}
std::string names(const std::string& name) {
  return fixture("names/" + name + (name.find('.') == std::string::npos ? ".safetensors" : ""));
}

// A model whose parameters are all 7 until they are loaded.
std::unique_ptr<Model> model_from(const ModelConfig& config, const std::string& weights,
                                  LoadReport* report = nullptr, const LoadOptions& options = {}) {
  auto model = make_model(config, DType::f64);
  fill_(model->store().value(), 7);
  const LoadReport loaded = load_weights(*model, weights, options);
  if (report != nullptr) *report = loaded;
  return model;
}

Tensor part(const Model& model, const std::string& ending) {
  for (const NamedTensor& t : model.store().publish(model.store().value())) {
    if (t.name.ends_with(ending)) return t.tensor;
  }
  return {};
}

// Every published tensor but those that begin with `without`.
void expect_same_tensors(const Model& a, const Model& b, const std::string& without = "-") {
  const auto left = a.store().publish(a.store().value()),
             right = b.store().publish(b.store().value());
  ASSERT_EQ(left.size(), right.size());
  for (size_t i = 0; i < left.size(); ++i) {
    if (left[i].name.starts_with(without)) continue;
    EXPECT_TRUE(same_bits(left[i].tensor, right[i].tensor)) << left[i].name;
  }
}

Tensor some_images(int64_t size) { return random_tensor({2, size, size, 3}, 5); }

struct Case {
  const char* hf;     // folder
  const char* other;  // file under names/
  NameFormat format;
  const char* wrapper;
};

TEST(Names, OfTheOriginalRepositoriesHoldTheSameModel) {
  for (const Case& c : std::vector<Case>{
           {"parity/dinat_k7", "dinat_k7_original", NameFormat::original, ""},
           {"parity/dinat_k5_padded", "dinat_k5_padded_original_ddp", NameFormat::original,
            "module."},
           {"parity/dinov2_mlp", "dinov2_mlp_original", NameFormat::original, ""},
           {"parity/dinat_k7", "dinat_k7_training.pth.tar", NameFormat::original, ""},
           {"parity/dinov2_mlp", "dinov2_mlp_teacher.pth", NameFormat::original, "module."},
           {"parity/dinov2_mlp", "dinov2_mlp_chunked", NameFormat::original, "teacher."},
           {"parity/dinov2_swiglu", "dinov2_swiglu_original", NameFormat::original, ""},
           {"names/dinov2_registers", "dinov2_registers_original", NameFormat::original, ""}}) {
    SCOPED_TRACE(c.other);
    const WeightContents contents(names(c.other));
    EXPECT_EQ(contents.format(), c.format);
    EXPECT_EQ(contents.wrapper(), c.wrapper);
    const ModelConfig config = describe_model(fixture(c.hf)).config;
    LoadReport report;
    const auto hf = model_from(config, fixture(c.hf)),
               other = model_from(config, names(c.other), &report);
    const bool dinat = config.family == "dinat";  // the classifiers of DINOv2 are kept apart
    expect_same_tensors(*hf, *other, dinat ? "-" : "classifier.");
    EXPECT_EQ(report.fresh.size(), dinat ? 0 : 2) << report.text();
    EXPECT_EQ(report.matched, 1);
    if (!dinat) continue;
    const Tensor images = some_images(48);
    EXPECT_TRUE(same_bits(hf->logits(images, {.act = DType::f64}).value(),
                          other->logits(images, {.act = DType::f64}).value()));
  }
}

TEST(Names, OfADinov2WithItsHeadApartGiveTheSameLogits) {
  const ModelConfig config = describe_model(fixture("parity/dinov2_mlp")).config;
  LoadReport report;
  const auto hf = model_from(config, fixture("parity/dinov2_mlp")),
             other = model_from(config, names("dinov2_mlp_chunked"), &report,
                                {.head = names("dinov2_mlp_linear_head")});
  EXPECT_TRUE(report.fresh.empty());
  EXPECT_EQ(report.unused.size(), 2);  // the student, the head of self-distillation
  const Tensor images = some_images(56);
  EXPECT_TRUE(same_bits(hf->logits(images, {.act = DType::f64}).value(),
                        other->logits(images, {.act = DType::f64}).value()));
}

TEST(Names, OfTimmHoldAllButTheMaskToken) {
  for (const char* name : {"dinov2_mlp", "dinov2_swiglu"}) {
    SCOPED_TRACE(name);
    const std::string folder = fixture(str("parity/", name));
    ModelConfig config = describe_model(folder).config;
    LoadReport report;
    const auto hf = model_from(config, folder),
               timm = model_from(config, names(str(name, "_timm")), &report);
    EXPECT_EQ(WeightContents(names(str(name, "_timm"))).format(), NameFormat::timm);
    EXPECT_EQ(report.fresh, (std::vector<std::string>{"dinov2.embeddings.mask_token",
                                                      "classifier.weight", "classifier.bias"}));
    EXPECT_TRUE(same_bits(part(*hf, "weights_in.weight").defined() ? part(*hf, "weights_in.weight")
                                                                   : part(*hf, "fc1.weight"),
                          part(*timm, "weights_in.weight").defined()
                              ? part(*timm, "weights_in.weight")
                              : part(*timm, "fc1.weight")));
    EXPECT_TRUE(same_bits(part(*hf, "position_embeddings"), part(*timm, "position_embeddings")));
  }
}

// What transformers 5.17 computes with registers, from its own names, the original's and timm's.
TEST(Names, OfAModelWithRegistersGiveItsLogits) {
  const SafetensorsFile expected(fixture("names/dinov2_registers/fixture.safetensors"));
  const ModelConfig config = describe_model(fixture("names/dinov2_registers")).config;
  EXPECT_EQ(config.dinov2.position_interpolation, "antialias");
  const auto hf = model_from(config, fixture("names/dinov2_registers"));
  for (const char* weights : {"", "dinov2_registers_original", "dinov2_registers_timm"}) {
    SCOPED_TRACE(weights);
    const std::string path = *weights == '\0' ? fixture("names/dinov2_registers") : names(weights);
    const auto model = model_from(config, path);
    for (const Published& p : model->store().published()) {  // heads are not in those files
      if (p.name.starts_with("classifier."))
        model->store().adopt(model->store().value(), p, part(*hf, p.name));
    }
    for (const char* size : {"own", "other"}) {
      const Tensor nchw = cast(expected.read(str(size, "/pixel_values")), DType::f64);
      Tensor images = empty({nchw.dim(0), nchw.dim(2), nchw.dim(3), 3}, DType::f64);
      const int64_t area = nchw.dim(2) * nchw.dim(3);
      for (int64_t i = 0; i < images.size(); ++i)
        images.data<double>()[i] =
            nchw.data<double>()[(i / 3 / area * 3 + i % 3) * area + i / 3 % area];
      const Tensor logits = model->logits(images, {.act = DType::f64}).value();
      EXPECT_LT(relative_error(logits, expected.read(str(size, "/logits"))), 1e-6) << size;
    }
  }
}

TEST(Names, ExportedAndReadAgainAreBitEqual) {
  auto plain = tiny_dinov2();
  plain.dinov2.num_register_tokens = 0;
  plain.dinov2.position_interpolation = "hf437";
  auto models = tiny_models();
  models.emplace_back("dinov2_plain", plain);
  for (const auto& [name, config] : models) {
    for (const NameFormat format : {NameFormat::hf, NameFormat::original, NameFormat::timm}) {
      if (config.family == "dinat" && format == NameFormat::timm) continue;
      SCOPED_TRACE(str(name, " as ", name_of(format)));
      const TempDir there, back;
      const auto model = tiny_model(config, DType::f32, 7);
      const auto files = export_model(*model, there.path(), {format, true});
      const DescribedModel read = describe_model(there.file(files[1]));
      const auto again = make_model(read.config, DType::f32);
      const LoadReport report = load_weights(*again, there.file(files[1]));
      EXPECT_TRUE(report.fresh.empty() && report.unused.empty() && report.resized.empty())
          << report.text();
      expect_same_tensors(*model, *again);
      save_hf(*again, back.path());
      const TempDir direct;
      save_hf(*model, direct.path());
      const SafetensorsFile a(direct.file("model.safetensors")), b(back.file("model.safetensors"));
      ASSERT_EQ(a.entries().size(), b.entries().size());
      for (const auto& [tensor, entry] : a.entries())
        EXPECT_TRUE(same_bits(a.read(tensor), b.read(tensor))) << tensor;
    }
  }
}

// The files that are written have the names of those made apart from ours.
TEST(Names, ExportsHaveTheNamesOfTheOthers) {
  const std::vector<std::tuple<std::string, std::string, NameFormat>> cases = {
      {"parity/dinat_k7", "dinat_k7_original", NameFormat::original},
      {"parity/dinov2_mlp", "dinov2_mlp_original", NameFormat::original},
      {"parity/dinov2_mlp", "dinov2_mlp_timm", NameFormat::timm},
      {"parity/dinov2_swiglu", "dinov2_swiglu_timm", NameFormat::timm},
      {"names/dinov2_registers", "dinov2_registers_original", NameFormat::original},
      {"names/dinov2_registers", "dinov2_registers_timm", NameFormat::timm}};
  for (const auto& [hf, other, format] : cases) {
    SCOPED_TRACE(other);
    const TempDir dir;
    const DescribedModel described = describe_model(fixture(hf));
    const auto model = make_model(described.config, DType::f32);
    load_weights(*model, fixture(hf));
    const bool classifier = described.config.family == "dinat";
    const auto files = export_model(*model, dir.path(), {format, classifier});
    const SafetensorsFile ours(dir.file(files[1])), theirs(names(other));
    ASSERT_EQ(ours.entries().size(), theirs.entries().size());
    for (const auto& [tensor, entry] : theirs.entries()) {
      ASSERT_TRUE(ours.has(tensor)) << tensor;
      EXPECT_TRUE(same_bits(ours.read(tensor), cast(theirs.read(tensor), DType::f32))) << tensor;
    }
  }
}

// A token that was trained on after the export is not overridden by what was kept beside it.
TEST(Names, AStaleRestIsPassedOver) {
  const TempDir dir;
  const auto model = tiny_model(tiny_dinov2(), DType::f32, 7);
  export_model(*model, dir.path(), {NameFormat::timm, false});
  std::vector<NamedTensor> tensors;
  {
    const SafetensorsFile file(dir.file("timm.safetensors"));
    for (const auto& [name, entry] : file.entries()) tensors.push_back({name, file.read(name)});
  }
  for (NamedTensor& t : tensors) {
    if (t.name == "cls_token") t.tensor = full(t.tensor.shape(), 3, DType::f32);
  }
  write_safetensors(dir.file("timm.safetensors"), tensors);
  const auto again = make_model(tiny_dinov2(), DType::f32);
  load_weights(*again, dir.file("timm.safetensors"));
  EXPECT_EQ(values_of<float>(part(*again, "cls_token"))[0], 3);
  EXPECT_EQ(values_of<float>(part(*again, "position_embeddings"))[0], 0);
  EXPECT_TRUE(same_bits(part(*again, "mask_token"), part(*model, "mask_token")));
}

}  // namespace
}  // namespace vicinity::testing
