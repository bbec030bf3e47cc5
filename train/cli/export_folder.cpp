#include "train/cli/export_folder.h"

#include <algorithm>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/files.h"

namespace vicinity {

namespace fs = std::filesystem;

namespace {

constexpr const char* kPart = ".part";  // files that are not yet in their place

bool is_free(const std::string& out) {
  if (!fs::is_directory(out)) return !fs::exists(out);
  return std::all_of(fs::directory_iterator(out), {}, [](const fs::directory_entry& entry) {
    return entry.path().filename() == kPart;  // of a process that was killed
  });
}

}  // namespace

void check_export_folder(const std::string& out, bool overwrite, const std::string& option) {
  const bool empty = is_free(out);
  VIC_CHECK(UsageError, empty || overwrite, option, " '", out,
            "' is not empty; replace what is there with --overwrite, or choose another folder");
  VIC_CHECK(UsageError, empty || fs::exists(out + "/config.json"), "--overwrite: '", out,
            "' does not look like an export (it has no config.json); remove it yourself or choose "
            "another ",
            option);
  VIC_CHECK(UsageError, !fs::exists(out + "/checkpoints") && !fs::exists(out + "/state.json"),
            "--overwrite: '", out, "' is a run or a checkpoint; choose another ", option);
}

void check_not_source(const std::string& out, const std::string& weights,
                      const std::string& option) {
  const fs::path parent = fs::path(weights).parent_path(), source = parent.empty() ? "." : parent;
  std::error_code ignored;  // what is not there is not the same
  VIC_CHECK(UsageError, !fs::equivalent(out, source, ignored), option, " '", out,
            "' is the folder of the weights that are read, '", weights,
            "', which would be removed; choose another ", option);
}

void write_export(const std::string& out, bool overwrite, const std::string& option,
                  const std::function<void(const std::string& folder)>& fill) {
  check_export_folder(out, overwrite, option);
  make_directories(out);
  const fs::path part = fs::path(out) / kPart;
  fs::remove_all(part);
  make_directories(part.string());
  try {
    fill(part.string());
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(part, ignored);
    throw;
  }
  for (const char* name : {"config.json", "preprocessor_config.json", "model.safetensors",
                           "original.safetensors", "timm.safetensors", "timm_rest.safetensors"}) {
    if (fs::exists(part / name)) {
      rename_durably((part / name).string(), out + "/" + name);
    } else {
      fs::remove(fs::path(out) / name);
    }
  }
  fs::remove(part);
}

}  // namespace vicinity
