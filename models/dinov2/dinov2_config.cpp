#include "models/dinov2/dinov2_config.h"

#include "core/base/error.h"

namespace vicinity {

void Dinov2Config::check(Problems& problems) const {
  if (hidden_size % num_attention_heads != 0) {
    problems.add("num_attention_heads", str("does not divide hidden_size = ", hidden_size));
  }
  if (image_size < patch_size) {
    problems.add("image_size", str("is smaller than patch_size = ", patch_size));
  }
}

int64_t Dinov2Config::ffn_width() const {
  const auto full = static_cast<int64_t>(hidden_size * mlp_ratio);
  return use_swiglu_ffn ? (full * 2 / 3 + 7) / 8 * 8 : full;
}

}  // namespace vicinity
