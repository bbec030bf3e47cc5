#include "core/config/config_tree.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

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
    const auto [first, added] = origins_.emplace(key, origin(mark));
    VIC_CHECK(ConfigError, added, origin(mark), ": key '", key, "' is given twice (first at ",
              first->second, "); remove one");
    entries_.push_back({key, yaml_text(value), origin(mark)});
  }

  void add_map(const std::string& section, const YAML::Node& map) {
    std::set<std::string> seen;
    for (const auto& item : map) {
      const YAML::Mark mark = item.first.Mark();
      VIC_CHECK(ConfigError, item.first.IsScalar(), origin(mark), ": a key must be a name");
      const std::string& name = item.first.Scalar();
      VIC_CHECK(ConfigError, seen.insert(name).second, origin(mark), ": key '",
                join_path(section, name), "' is given twice; remove one");
      add(join_path(section, name), item.second, mark);
    }
  }

 private:
  std::string file_;
  std::vector<ConfigEntry> entries_;
  std::map<std::string, std::string> origins_;  // by key
};

// What the parser says otherwise: that some map value is illegal.
std::string about_tabs(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const size_t text = line.find_first_not_of(' ');
    if (text != std::string::npos && line[text] == '\t')
      return str("; line ", number, " begins with a tab, YAML is indented by spaces");
  }
  return "";
}

std::vector<ConfigEntry> load_entries(const std::string& path, const std::string& section) {
  VIC_CHECK(ConfigError, std::filesystem::is_regular_file(path), path,
            ": no such file; give the path or the name of a config");
  Flattener flattener(path);
  try {
    const YAML::Node root = YAML::LoadFile(path);
    if (root.IsNull()) return {};
    in_context("in " + path, [&] { check_extent(root); });
    VIC_CHECK(ConfigError, root.IsMap(), flattener.origin(root.Mark()),
              ": a config must be a mapping of `key: value` lines");
    flattener.add_map(section, root);
  } catch (const YAML::Exception& error) {
    VIC_FAIL(ConfigError, flattener.origin(error.mark), ": malformed YAML: ", error.msg,
             about_tabs(path));
  }
  return flattener.take();
}

// What nobody means as YAML on a command line: a remark ("photos #2"), and whatever YAML would read
// otherwise but is there as it is written ("[raw]", "photos: new").
bool is_plain_text(const std::string& text) {
  try {
    const YAML::Node value = YAML::Load(text);
    if (value.IsScalar() && value.Scalar() == text) return false;
    const bool quoted = text[0] == '"' || text[0] == '\'';
    if (value.IsScalar() && !quoted && text.find(" #") != std::string::npos) return true;
  } catch (const YAML::Exception&) {
    if (text[0] == '*') return true;  // "*rpb" is a pattern, no alias
  }
  std::error_code ignored;
  return std::filesystem::exists(text, ignored);
}

// Beside the file that includes it, wherever that is included from; else as --config finds it.
std::string find_included(const std::string& name, const std::string& by) {
  const std::filesystem::path beside = std::filesystem::path(by).parent_path() / name;
  for (const std::string& file : {beside.string(), beside.string() + ".yaml"}) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(file, ignored))
      return std::filesystem::path(file).lexically_normal().string();
  }
  return find_config("recipes", name);
}

// A file on the list of those that include one another, until it leaves, by an error too.
class Opened {
 public:
  Opened(std::vector<std::string>& files, const std::string& path) : files_(files) {
    files_.push_back(path);
  }
  ~Opened() { files_.pop_back(); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

 private:
  std::vector<std::string>& files_;
};

}  // namespace

void ConfigTree::add_file(const std::string& path) {
  const bool inside_itself =
      std::find(open_files_.begin(), open_files_.end(), path) != open_files_.end();
  VIC_CHECK(ConfigError, !inside_itself, path, " includes itself, by way of ",
            join(open_files_, ", "));
  Entries own;
  for (ConfigEntry& entry : load_entries(path, "")) {
    if (entry.key == "include") {
      const Opened opened(open_files_, path);
      include_files(entry, path);
    } else {
      own.push_back(std::move(entry));
    }
  }
  merge(std::move(own));
}

void ConfigTree::include_files(const ConfigEntry& entry, const std::string& by) {
  const YAML::Node names = YAML::Load(entry.text);
  const auto include = [&](const YAML::Node& name) {
    VIC_CHECK(ConfigError, name.IsScalar(), entry.origin, ": include = ", entry.text,
              ": expected the name of a config or a list of names");
    in_context("at " + entry.origin, [&] { add_file(find_included(name.Scalar(), by)); });
  };
  if (!names.IsSequence()) return include(names);
  for (const YAML::Node& name : names) include(name);
}

void ConfigTree::add_override(const std::string& assignment) {
  const size_t equals = assignment.find('=');
  VIC_CHECK(ConfigError, equals != std::string::npos && equals > 0, "command line: '", assignment,
            "' is not key=value");
  const std::string key = assignment.substr(0, equals), text = assignment.substr(equals + 1);
  if (is_plain_text(text)) return merge({{key, yaml_string(text), "command line"}});
  Flattener flattener("");
  try {
    const YAML::Node value = YAML::Load(text);
    in_context("on the command line, for " + key, [&] { check_extent(value); });
    flattener.add(key, value, YAML::Mark::null_mark());
  } catch (const YAML::Exception& error) {
    VIC_FAIL(ConfigError, "command line: ", assignment, ": malformed YAML: ", error.msg,
             text[0] == '[' ? "; a list with quotes or spaces wants quotes around the whole: "
                              "'key=[\"*a\", b]'"
                            : "");
  }
  merge(flattener.take());
}

void ConfigTree::merge(Entries added) {
  std::map<std::string, size_t> places;
  for (const ConfigEntry& entry : explicit_) places.emplace(entry.key, places.size());
  for (ConfigEntry& entry : added) {
    if (entry.key == "model" && entry.text != "{}") {
      include_model(entry);
      continue;
    }
    const auto [place, added_now] = places.emplace(entry.key, explicit_.size());
    if (added_now) {
      explicit_.push_back(std::move(entry));
    } else {
      explicit_[place->second] = std::move(entry);
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

void ConfigTree::add_defaults(Entries entries) {
  std::move(entries.begin(), entries.end(), std::back_inserter(defaults_));
}

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
