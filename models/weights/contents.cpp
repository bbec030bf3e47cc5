#include "models/weights/contents.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/base/text.h"
#include "core/ops/elementwise.h"

namespace vicinity {
namespace {

// A tensor that every model of a format has: the first of its network.
struct Anchor {
  const char* name;
  const char* family;
  NameFormat format;
};
constexpr Anchor kAnchors[] = {
    {"embeddings.patch_embeddings.projection.0.weight", "dinat", NameFormat::hf},
    {"embeddings.patch_embeddings.projection.weight", "dinov2", NameFormat::hf},
    {"patch_embed.proj.0.weight", "dinat", NameFormat::original},
    {"patch_embed.proj.weight", "dinov2", NameFormat::original},
};

// Of a student and its teacher, whose weights are the average of the student's, the teacher is what
// is published.
int rank_of(const std::string& prefix) {
  return prefix.find("teacher") != std::string::npos ? 0 : 1;
}

std::string without_base(const std::string& prefix) {
  for (const char* base : {"dinat.", "nat.", "dinov2.", "dinov2_with_registers.", "backbone."}) {
    if (prefix == base || ends_with(prefix, str(".", base)))
      return prefix.substr(0, prefix.size() - std::strlen(base));
  }
  return prefix;
}

// blocks.CHUNK.BLOCK.rest -> blocks.BLOCK.rest: chunked checkpoints keep the block's own number.
std::string unchunked(const std::string& name) {
  std::vector<std::string> parts = split(name, '.');
  const auto number = [&](size_t i) {
    return i < parts.size() && !parts[i].empty() &&
           parts[i].find_first_not_of("0123456789") == std::string::npos;
  };
  if (parts[0] != "blocks" || !number(1) || !number(2)) return name;
  parts.erase(parts.begin() + 1);
  return join(parts, ".");
}

bool is_square(int64_t n) {
  const auto side = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(n))));
  return side * side == n;
}

std::string first_names(const WeightFile& file) {
  std::string text;
  size_t shown = 0;
  for (const auto& [name, entry] : file.entries()) {
    if (++shown > 3) break;
    text += (shown > 1 ? ", '" : "'") + name + "'";
  }
  return text + (file.entries().size() > 3 ? ", ..." : "");
}

template <class T>
int64_t count_not_finite(const Tensor& tensor) {
  int64_t count = 0;
  for (int64_t i = 0; i < tensor.size(); ++i)
    count += std::isfinite(static_cast<Compute<T>>(tensor.data<T>()[i])) ? 0 : 1;
  return count;
}

}  // namespace

void check_finite(const Tensor& tensor, const std::string& name, const std::string& path) {
  const int64_t count =
      for_float_dtype(tensor.dtype(), [&]<class T>() { return count_not_finite<T>(tensor); });
  VIC_CHECK(DataError, count == 0, "'", path, "': ", count, " of the ", tensor.size(),
            " values of '", name,
            "' are NaN or infinite; take a checkpoint from before it diverged");
}

WeightContents::WeightContents(const std::string& path, bool use_ema)
    : file_(open_weights(path, use_ema)) {
  detect();
  for (const auto& [name, entry] : file_->entries()) place(name);
  add_rest();
}

void WeightContents::add_rest() {
  if (format_ != NameFormat::timm || !has("embeddings.cls_token")) return;
  rest_ = read_timm_rest(path(), class_position_ ? Tensor{} : read("embeddings.cls_token"));
  for (const auto& [name, tensor] : rest_) {
    check_finite(tensor, name, path());
    if (name != kClassPosition) shapes_[name] = tensor.shape();
  }
}

void WeightContents::detect() {
  const Anchor* best = nullptr;
  for (const Anchor& anchor : kAnchors) {
    for (const auto& [name, entry] : file_->entries()) {
      if (name != anchor.name && !ends_with(name, str(".", anchor.name))) continue;
      const std::string prefix = name.substr(0, name.size() - std::strlen(anchor.name));
      if (best != nullptr && rank_of(prefix) >= rank_of(prefix_)) continue;
      best = &anchor;
      prefix_ = prefix;
      dtype_ = entry.dtype;
    }
  }
  VIC_CHECK(DataError, best != nullptr, "'", path(), "' holds no model that is known here: its ",
            tensors(), " tensors are ", first_names(*file_),
            "; read are the names of Hugging Face's and the original DiNAT, NAT and DINOv2, and "
            "timm's of DINOv2");
  family_ = best->family;
  format_ = best->format;
  root_ = without_base(prefix_);
  const auto shape = [&](const std::string& name) {
    const auto found = file_->entries().find(prefix_ + name);
    return found == file_->entries().end() ? Shape{} : found->second.shape;
  };
  if (family_ == "dinov2" && format_ == NameFormat::original) {
    VIC_CHECK(DataError,
              !file_->has(prefix_ + "layers.0.blocks.0.attn.rpb") &&
                  !file_->has(prefix_ + "layers.0.attn.rpb"),
              "'", path(), "' is a DiNAT_s or an isotropic model; DiNAT and NAT are built here");
    const Shape in = shape("blocks.0.mlp.fc1.weight"), out = shape("blocks.0.mlp.fc2.weight");
    swiglu_ = in.rank() == 2 && out.rank() == 2 && in[0] == 2 * out[1];
    if (swiglu_ || file_->has(prefix_ + "reg_token") || !file_->has(prefix_ + "mask_token"))
      format_ = NameFormat::timm;
    if (file_->has(prefix_ + "blocks.0.mlp.w12.weight")) format_ = NameFormat::original;
    const Shape positions = shape("pos_embed");
    class_position_ = positions.rank() != 3 || !is_square(positions[1]);
  }
  rules_ = name_rules(family_, format_, swiglu_);
}

std::string WeightContents::local_name(const std::string& name) const {
  std::string local = starts_with(name, prefix_) ? name.substr(prefix_.size()) : "";
  for (const char* head : {"classifier.", "linear_head."}) {
    if (local.empty() && starts_with(name, root_ + head)) local = name.substr(root_.size());
  }
  return format_ == NameFormat::original && family_ == "dinov2" ? unchunked(local) : local;
}

void WeightContents::place(const std::string& name) {
  const std::string local = local_name(name);
  if (local.empty()) return;
  const Shape& shape = file_->entries().at(name).shape;
  for (const std::string& published : published_of(rules_, local)) {
    Place at = *place_of(rules_, published);
    Shape seen = shape;
    if (at.names.size() > 1) {  // rows of one published tensor: the whole of them, or none
      std::vector<std::string> rows;
      for (const std::string& row : at.names) rows.push_back(prefix_ + row);
      if (rows[0] != name || !std::all_of(rows.begin(), rows.end(), [&](const std::string& row) {
            return file_->has(row) && file_->entries().at(row).shape == shape;
          }))
        continue;
      at.names = rows;
      seen = Shape({static_cast<int64_t>(rows.size()), shape.size()});
    } else {
      at.names = {name};
      if (at.parts > 1) {
        if (shape.rank() == 0 || shape[0] % at.parts != 0) continue;
        seen.set(0, shape[0] / at.parts);
      }
      if (!class_position_ && ends_with(published, "position_embeddings"))
        seen.set(1, shape[1] + 1);
    }
    const bool fresh = places_.emplace(published, at).second;
    VIC_CHECK(DataError, fresh, "'", path(), "' holds ", published, " twice: as '",
              places_.at(published).names[0], "' and as '", name, "'");
    shapes_[published] = seen;
  }
}

void WeightContents::check_dtype(const std::string& name) const {
  const std::string& dtype = file_->entries().at(name).dtype;
  VIC_CHECK(DataError, dtype == "F32" || dtype == "F64" || dtype == "BF16" || dtype == "F16", "'",
            path(), "': '", name, "' is of type ", dtype,
            "; weights are F32, F64, BF16 or F16 (quantised ones are not read)");
}

Tensor WeightContents::read_whole(const std::string& name) {
  if (last_.first == name) return last_.second;
  check_dtype(name);
  const Tensor tensor = file_->read(name);
  check_finite(tensor, name, path());
  used_.insert(name);
  last_ = {name, tensor};
  return tensor;
}

Tensor WeightContents::read(const std::string& bare) {
  if (rest_.contains(bare)) return rest_.at(bare);
  const Place& at = places_.at(bare);
  const Shape& shape = shapes_.at(bare);
  const Tensor first = read_whole(at.names[0]);
  if (at.parts > 1) return first.slice(at.part * shape[0], (at.part + 1) * shape[0]);
  if (first.shape() == shape) return first;
  // Rows in tensors of their own, or a table without the row of the class token, which is zero
  // then.
  Tensor whole = zeros(shape, first.dtype());
  char* out = whole.raw() + (at.names.size() > 1 ? 0 : whole.bytes() - first.bytes());
  for (const std::string& name : at.names) {
    const Tensor part = read_whole(name);
    VIC_CHECK(DataError, part.dtype() == first.dtype(), "'", path(), "': '", name, "' is ",
              part.dtype(), ", '", at.names[0], "' is ", first.dtype());
    std::memcpy(out, part.raw(), part.bytes());
    out += part.bytes();
  }
  const auto position = rest_.find(kClassPosition);
  if (at.names.size() == 1 && position != rest_.end()) {
    const Tensor& row = position->second;
    VIC_CHECK(DataError, row.bytes() == whole.bytes() - first.bytes(), "'", path(), "': '",
              at.names[0], "' ", first.shape(), " does not fit the class token's position ",
              row.shape());
    std::memcpy(whole.raw(), row.raw(), row.bytes());
  }
  return whole;
}

std::vector<std::string> WeightContents::unused() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : file_->entries()) {
    if (!used_.contains(name)) names.push_back(name);
  }
  return names;
}

}  // namespace vicinity
