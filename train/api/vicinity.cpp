#include "train/api/vicinity.h"

#include <algorithm>
#include <new>

#include "core/base/error.h"
#include "core/runtime/cpu.h"
#include "train/cli/embed_outputs.h"
#include "train/cli/image_model.h"
#include "train/run/setup.h"

namespace vicinity {
namespace {

// Errors of the inside become the one that callers can see.
template <class F>
auto in_public(F&& work) {
  try {
    return work();
  } catch (const Error& error) {
    throw PretrainedError(error.user_text());
  } catch (const std::bad_alloc&) {
    throw PretrainedError("out of memory; run fewer pictures at once");
  }
}

Array array_of(const Tensor& tensor) {
  return {tensor.shape().to_vector(), values_of<float>(tensor)};
}

Image image_of(const Picture& picture) {
  const int64_t wanted = int64_t{3} * picture.width * picture.height;
  VIC_CHECK(DataError, wanted > 0 && static_cast<int64_t>(picture.rgb.size()) == wanted,
            "a picture of ", picture.width, " x ", picture.height, " has ", picture.rgb.size(),
            " bytes; 3 * width * height are wanted");
  Image image;
  image.width = picture.width;
  image.height = picture.height;
  image.rgb = picture.rgb;
  return image;
}

}  // namespace

struct Pretrained::Parts {
  LoadedModel loaded;
  OutputRequest request;
  std::vector<std::string> class_names;
  std::unique_ptr<ImageModel> model;

  Parts(const std::string& path, const std::string& outputs,
        const std::vector<std::string>& settings)
      : loaded(load_model_config(path, {}, settings)) {
    if (loaded.config.threads > 0) cpu().set_threads(loaded.config.threads);
    ModelConfig& architecture = loaded.config.model.architecture;
    request = parse_outputs(outputs, architecture);
    if (has_classifier(loaded)) class_names = architecture.labels;
    VIC_CHECK(DataError, !class_names.empty() || !request.logits, "'", loaded.directory,
              "' has no classifier, so there are no logits");
    model = std::make_unique<ImageModel>(loaded, request);
  }

  std::map<std::string, Array> run(const std::vector<QuerySource>& sources) const {
    VIC_CHECK(DataError, !sources.empty(), "no pictures");
    check_channels(model->model().config());
    const std::vector<Query> queries =
        read_queries(sources, 0, sources.size(), loaded.config.data.transform, 0);
    for (const Query& query : queries) VIC_CHECK(DataError, query.error.empty(), query.error);
    const size_t alike = end_of_one_size(queries, 0);
    VIC_CHECK(DataError, alike == queries.size(), "'", queries[0].name, "' comes to ",
              queries[0].seen.width, " x ", queries[0].seen.height, " pixels, '",
              queries[std::min(alike, queries.size() - 1)].name,
              "' to another size: run them one by one, or set data.eval_crop=N");
    return arrays_of(model->outputs(queries));
  }

  std::map<std::string, Array> run(const Array& images) const {
    VIC_CHECK(ShapeError, images.shape.size() == 4, "images have ", images.shape.size(),
              " axes; [B, H, W, C] is wanted");
    return arrays_of(model->outputs(tensor_of<float>(Shape(images.shape), images.values)));
  }

  std::map<std::string, Array> arrays_of(const Outputs& outputs) const {
    std::map<std::string, Array> arrays;
    for (const NamedTensor& output : named_outputs(outputs, model->model().config()))
      arrays.emplace(output.name, array_of(output.tensor));
    return arrays;
  }
};

Pretrained::Pretrained(const std::string& path, const std::string& outputs,
                       const std::vector<std::string>& settings)
    : parts_(in_public([&] { return std::make_unique<Parts>(path, outputs, settings); })) {}
Pretrained::~Pretrained() = default;
Pretrained::Pretrained(Pretrained&&) noexcept = default;
Pretrained& Pretrained::operator=(Pretrained&&) noexcept = default;

const std::vector<std::string>& Pretrained::class_names() const { return parts_->class_names; }

std::map<std::string, Array> Pretrained::run(const std::vector<Picture>& pictures) const {
  return in_public([&] {
    std::vector<QuerySource> sources;
    for (size_t i = 0; i < pictures.size(); ++i) {
      sources.push_back({"picture " + std::to_string(i), "",
                         [&picture = pictures[i]] { return image_of(picture); }});
    }
    return parts_->run(sources);
  });
}

std::map<std::string, Array> Pretrained::run(const Array& images) const {
  return in_public([&] { return parts_->run(images); });
}

std::map<std::string, Array> Pretrained::run(const std::vector<std::string>& files) const {
  return in_public([&] {
    return parts_->run(file_queries(files, parts_->loaded.config.data.source.exif == "apply"));
  });
}

}  // namespace vicinity
