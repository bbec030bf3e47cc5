#include "models/weights/locate.h"

#include <algorithm>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/text.h"
#include "models/weights/describe.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

// "facebook/dinov2-small" if `path` reads as a repository of the hub, or as one of the published
// ones without its owner; else "".
std::string hub_name(std::string path) {
  while (ends_with(path, "/")) path.pop_back();
  const std::vector<std::string> parts = split(path, '/');
  const bool plain = !path.empty() && path[0] != '.' && path[0] != '/' && path[0] != '~' &&
                     path.find_first_of(" \t\\'\"$") == std::string::npos;
  if (!plain || parts.size() > 2) return "";
  if (parts.size() == 2) return fs::exists(parts[0]) ? "" : path;
  if (starts_with(path, "dinov2-")) return "facebook/" + path;
  if (starts_with(path, "dinat-") || starts_with(path, "nat-")) return "shi-labs/" + path;
  return "";
}

std::string hub_text(const std::string& name) {
  const std::string folder = split(name, '/')[1];
  // The authors of DiNAT published pickles only.
  const std::string weights =
      starts_with(name, "shi-labs/") ? "pytorch_model.bin" : "model.safetensors";
  const std::string files = "config.json " + weights + " preprocessor_config.json";
  return str(". If the model of this name on huggingface.co is meant: it takes the files ", files,
             ", and nothing is downloaded here. Either of\n  hf download ", name, " ", files,
             " --local-dir ", folder, "\n  for f in ", files, "; do curl -fL --create-dirs -o ",
             folder, "/$f https://huggingface.co/", name,
             "/resolve/main/$f; done\nfetches them; then give ", folder);
}

std::string original_text(const std::string& path) {
  const std::string file = fs::path(path).filename().string(),
                    stem = file.substr(0, file.find('.'));
  if (!starts_with(stem, "dinov2_") || published_model(path).empty()) return "";
  const std::string base = stem.substr(0, 13);  // dinov2_vits14
  return str(". This fetches it:\n  curl -fLO https://dl.fbaipublicfiles.com/dinov2/", base, "/",
             stem, ".pth");
}

}  // namespace

std::string no_weights_text(const std::string& path) {
  const std::string what = str("no weights at '", path, "': there is no such file or folder"),
                    original = original_text(path);
  if (!original.empty()) return what + original;
  const std::string hub = hub_name(path);
  return hub.empty() ? what : what + hub_text(hub);
}

}  // namespace vicinity
