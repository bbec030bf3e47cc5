#include "core/config/config_tree.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/fields.h"
#include "core/config/yaml_text.h"

namespace vicinity {
namespace {

// Flattens one document; knows where its lines come from.
class Flattener {
 public:
  // An empty `file` stands for the command line, which has no lines.
  explicit Flattener(std::string file) : file_(std::move(file)) {}

  std::vector<ConfigEntry> take() { return std::move(entries_); }

  std::string origin(const YAML::Mark& mark) const {
    if (file_.empty()) return "command line";
    return mark.is_null() ? file_ : str(file_, ":", mark.line + 1);
  }

  void add(const std::string& key, const YAML::Node& value, const YAML::Mark& mark) {
    if (value.IsMap() && value.size() > 0) {
      add_map(key, value);
      return;
    }
    for (const ConfigEntry& entry : entries_) {
      VIC_CHECK(ConfigError, entry.key != key, origin(mark), ": key '", key,
                "' is given twice (first at ", entry.origin, "); remove one");
    }
    entries_.push_back({key, yaml_text(value), origin(mark)});
  }

  void add_map(const std::string& section, const YAML::Node& map) {
    std::vector<std::string> seen;
    for (const auto& item : map) {
      const YAML::Mark mark = item.first.Mark();
      VIC_CHECK(ConfigError, item.first.IsScalar(), origin(mark), ": a key must be a name");
      const std::string& name = item.first.Scalar();
      VIC_CHECK(ConfigError, std::find(seen.begin(), seen.end(), name) == seen.end(), origin(mark),
                ": key '", join_path(section, name), "' is given twice; remove one");
      seen.push_back(name);
      add(join_path(section, name), item.second, mark);
    }
  }

 private:
  std::string file_;
  std::vector<ConfigEntry> entries_;
};

std::vector<ConfigEntry> load_entries(const std::string& path, const std::string& section) {
  VIC_CHECK(ConfigError, std::filesystem::is_regular_file(path), path,
            ": no such file; give the path or the name of a config");
  Flattener flattener(path);
  try {
    const YAML::Node root = YAML::LoadFile(path);
    if (root.IsNull()) return {};
    VIC_CHECK(ConfigError, root.IsMap(), flattener.origin(root.Mark()),
              ": a config must be a mapping of `key: value` lines");
    flattener.add_map(section, root);
  } catch (const YAML::Exception& error) {
    VIC_FAIL(ConfigError, flattener.origin(error.mark), ": malformed YAML: ", error.msg);
  }
  return flattener.take();
}

ConfigEntry* find_in(std::vector<ConfigEntry>& entries, const std::string& key) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const ConfigEntry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

}  // namespace

void ConfigTree::add_file(const std::string& path) { merge(load_entries(path, "")); }

void ConfigTree::add_override(const std::string& assignment) {
  const size_t equals = assignment.find('=');
  VIC_CHECK(ConfigError, equals != std::string::npos && equals > 0, "command line: '", assignment,
            "' is not key=value");
  const std::string key = assignment.substr(0, equals);
  Flattener flattener("");
  try {
    flattener.add(key, YAML::Load(assignment.substr(equals + 1)), YAML::Mark::null_mark());
  } catch (const YAML::Exception& error) {
    VIC_FAIL(ConfigError, "command line: ", assignment, ": malformed YAML: ", error.msg);
  }
  merge(flattener.take());
}

void ConfigTree::merge(Entries added) {
  for (ConfigEntry& entry : added) {
    if (entry.key == "model" && entry.text != "{}") {
      include_model(entry);
    } else if (ConfigEntry* old = find_in(explicit_, entry.key)) {
      *old = std::move(entry);
    } else {
      explicit_.push_back(std::move(entry));
    }
  }
}

void ConfigTree::include_model(const ConfigEntry& entry) {
  const YAML::Node node = YAML::Load(entry.text);
  VIC_CHECK(ConfigError, node.IsScalar(), entry.origin, ": model = ", entry.text,
            ": expected the name of a model or a section of keys");
  model_name_ = node.Scalar();
  included_ = in_context("at " + entry.origin,
                         [&] { return load_entries(find_config("models", model_name_), "model"); });
}

void ConfigTree::add_defaults(Entries entries) { defaults_ = std::move(entries); }

const ConfigEntry* ConfigTree::find(const std::string& key) const {
  for (const Entries* layer : {&explicit_, &included_, &defaults_}) {
    for (const ConfigEntry& entry : *layer) {
      if (entry.key == key) return &entry;
    }
  }
  return nullptr;
}

std::vector<ConfigEntry> ConfigTree::entries() const {
  Entries entries = explicit_;
  for (const Entries* layer : {&included_, &defaults_}) {
    for (const ConfigEntry& entry : *layer) {
      if (find(entry.key) == &entry) entries.push_back(entry);
    }
  }
  return entries;
}

}  // namespace vicinity
