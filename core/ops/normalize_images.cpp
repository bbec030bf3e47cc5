#include "core/ops/normalize_images.h"

namespace vicinity {
namespace {

void check(const Tensor& x, size_t means, size_t deviations, const ImageChanges& changes) {
  VIC_CHECK(DTypeError, x.dtype() == DType::u8, "normalize_images: needs u8, got ", x.dtype());
  const auto channels = static_cast<size_t>(x.dim(-1));
  VIC_CHECK(ShapeError, means == channels && deviations == channels, "normalize_images: ", means,
            " means and ", deviations, " deviations for images ", x.shape());
  if (!changes.mix.defined() && !changes.erase.defined()) return;
  VIC_CHECK(ShapeError, x.rank() == 4, "normalize_images: changes images [B, H, W, C], got ",
            x.shape());
  VIC_CHECK(ShapeError, !changes.mix.defined() || changes.mix.shape() == Shape({6}),
            "normalize_images: mix is ", changes.mix.shape(), ", must be [6]");
  VIC_CHECK(ShapeError, !changes.erase.defined() || changes.erase.shape() == Shape({x.dim(0), 6}),
            "normalize_images: erase is ", changes.erase.shape(), " for images ", x.shape(),
            ", must be [", x.dim(0), ", 6]");
}

}  // namespace

Tensor normalize_images(const Tensor& x, const std::vector<float>& mean,
                        const std::vector<float>& std, DType dtype, const ImageChanges& changes) {
  check(x, mean.size(), std.size(), changes);
  Tensor y = empty_like(x, dtype);
  const double flops_each = changes.mix.defined() ? 7 : 3;
  if (x.size() > 0) {
    on_device(
        "normalize_images", x.device(),
        {flops_each * static_cast<double>(x.size()), static_cast<double>(x.bytes() + y.bytes())},
        [&](auto& context) { kernels::normalize_images(context, x, mean, std, changes, y); });
  }
  return y;
}

}  // namespace vicinity
