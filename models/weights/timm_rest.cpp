#include "models/weights/timm_rest.h"

#include <cstring>
#include <filesystem>

#include "core/ops/elementwise.h"
#include "models/weights/safetensors.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRestFile = "timm_rest.safetensors";

bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

}  // namespace

Tensor timm_class_token(const Tensor& cls_token, const Tensor& class_position) {
  return add(cls_token, class_position);
}

void write_timm_rest(const std::string& folder, const std::vector<NamedTensor>& tensors) {
  write_safetensors(folder + "/" + kRestFile, tensors);
}

std::map<std::string, Tensor> read_timm_rest(const std::string& path, const Tensor& class_token) {
  const fs::path rest = fs::path(path).parent_path() / kRestFile;
  std::map<std::string, Tensor> tensors;
  if (fs::path(path).filename() != kTimmFile || !fs::exists(rest)) return tensors;
  const SafetensorsFile file(rest.string());
  for (const auto& [name, entry] : file.entries()) tensors[name] = file.read(name);
  if (!class_token.defined()) return tensors;
  const auto token = tensors.find("embeddings.cls_token"), position = tensors.find(kClassPosition);
  const bool whole = token != tensors.end() && position != tensors.end() &&
                     token->second.shape() == position->second.shape();
  if (!whole || !same(timm_class_token(token->second, position->second), class_token)) {
    tensors.erase("embeddings.cls_token");
    tensors.erase(kClassPosition);
  }
  return tensors;
}

}  // namespace vicinity
