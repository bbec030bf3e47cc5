#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/config_tree.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

std::vector<std::string>& chosen_path() {
  static std::vector<std::string> path;
  return path;
}

// False as well for what cannot be a file, such as a name of a thousand letters.
bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// Every NAME.yaml of `directory` and FOLDER/NAME.yaml of its folders, without the suffix.
std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code ignored;
  fs::recursive_directory_iterator at(directory, ignored), end;
  for (; at != end; at.increment(ignored)) {
    if (at.depth() > 0) at.disable_recursion_pending();
    if (at->path().extension() == ".yaml")
      names.push_back((at->path().parent_path() / at->path().stem())
                          .lexically_relative(directory)
                          .generic_string());
  }
  return names;
}

// The name whose last part is nearest to that of `name`.
std::string near_name(const std::string& name, const std::vector<std::string>& names) {
  std::vector<std::string> last;
  for (const std::string& one : names) last.push_back(fs::path(one).filename().string());
  const std::string near = nearest(fs::path(name).stem().string(), last);
  const auto found = std::find(last.begin(), last.end(), near);
  return near.empty() ? "" : names[static_cast<size_t>(found - last.begin())];
}

// What to say after "not found": the near name, else all there are.
std::string advice(const std::string& kind, const std::string& name) {
  std::vector<std::string> names;
  for (const std::string& directory : config_search_path()) {
    const std::vector<std::string> found = names_in(fs::path(directory) / "configs" / kind);
    names.insert(names.end(), found.begin(), found.end());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const std::string near = near_name(name, names);
  if (!near.empty()) return "did you mean '" + near + "'?";
  if (names.empty()) return "looked below " + join(config_search_path(), ", ");
  return "there are: " + join(names, ", ");
}

}  // namespace

std::vector<std::string> config_search_path() {
  if (!chosen_path().empty()) return chosen_path();
  std::vector<std::string> path = {"."};
#ifdef VICINITY_SOURCE_DIR
  path.push_back(VICINITY_SOURCE_DIR);
#endif
  std::error_code error;
  const fs::path executable = fs::read_symlink("/proc/self/exe", error);
  if (!error) path.push_back((executable.parent_path().parent_path() / "share/vicinity").string());
  return path;
}

void set_config_search_path(std::vector<std::string> directories) {
  chosen_path() = std::move(directories);
}

std::string find_config(const std::string& kind, const std::string& name) {
  const bool is_name = !fs::path(name).has_extension() && name.find('/') == std::string::npos;
  if (!is_name && is_file(name)) return name;  // ./quickstart is a script, quickstart a config
  for (const std::string& directory : config_search_path()) {
    const fs::path configs = fs::path(directory) / "configs";
    for (const fs::path& candidate :
         {configs / kind / (name + ".yaml"), configs / (name + ".yaml")}) {
      if (is_file(candidate)) return candidate.lexically_normal().string();
    }
  }
  if (is_file(name)) return name;
  std::error_code ignored;
  VIC_CHECK(ConfigError, !fs::exists(name, ignored) || fs::is_directory(name, ignored), "'", name,
            "' is no file, and settings are read more than once; write them to a file");
  VIC_FAIL(ConfigError, "no config '", name, "' in configs/", kind, " (", advice(kind, name), ")");
}

}  // namespace vicinity
