#include "core/ops/normalize_images.h"

namespace vicinity {

Tensor normalize_images(const Tensor& x, const std::vector<float>& mean,
                        const std::vector<float>& std, DType dtype) {
  VIC_CHECK(DTypeError, x.dtype() == DType::u8, "normalize_images: needs u8, got ", x.dtype());
  const auto channels = static_cast<size_t>(x.dim(-1));
  VIC_CHECK(ShapeError, mean.size() == channels && std.size() == channels,
            "normalize_images: ", mean.size(), " means and ", std.size(), " deviations for images ",
            x.shape());
  Tensor y = empty_like(x, dtype);
  if (x.size() > 0) {
    on_device("normalize_images", x.device(),
              {3 * static_cast<double>(x.size()), static_cast<double>(x.bytes() + y.bytes())},
              [&](auto& context) { kernels::normalize_images(context, x, mean, std, y); });
  }
  return y;
}

}  // namespace vicinity
