#include "models/weights/linear_head.h"

#include "core/base/text.h"
#include "models/weights/contents.h"

namespace vicinity {

LinearHead read_linear_head(const std::string& path) {
  const auto file = open_weights(path);
  LinearHead head{path, {}, {}};
  for (const auto& [name, entry] : file->entries()) {
    const bool weight = name == "weight" || ends_with(name, ".weight"),
               bias = name == "bias" || ends_with(name, ".bias");
    VIC_CHECK(DataError, file->entries().size() == 2 && (weight || bias), "'", path,
              "' is not a linear head: that is a weight and a bias, it holds ",
              file->entries().size(), " tensors");
    Tensor& target = weight ? head.weight : head.bias;
    target = file->read(name);
    VIC_CHECK(DataError, is_float(target.dtype()), "'", path, "': '", name, "' is of type ",
              entry.dtype);
    check_finite(target, name, path);
  }
  VIC_CHECK(DataError,
            head.weight.defined() && head.bias.defined() && head.weight.rank() == 2 &&
                head.bias.shape() == Shape({head.weight.dim(0)}),
            "'", path,
            "' is not a linear head: that is a weight [classes, C] and a bias [classes]");
  return head;
}

}  // namespace vicinity
