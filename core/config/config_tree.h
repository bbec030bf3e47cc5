// Where config values come from: YAML files and the command line, merged key by key.
#pragma once

#include <string>
#include <vector>

namespace vicinity {

/// A value as it was written.
struct ConfigEntry {
  std::string key;     ///< dotted, "train.batch"
  std::string text;    ///< YAML, one line: `64`, `[3, 4, 6, 5]`, `"a: b"`
  std::string origin;  ///< "configs/train/x.yaml:7" or "command line"
};

/// Dotted keys and their values, in the order of first mention. What is added later wins, a list
/// replaces the whole list, mappings merge.
///
/// A name at the key `model` (`model: dinat_mini`, or `model=dinat_mini` on the command line)
/// stands for configs/models/NAME.yaml; its keys appear below `model.` and yield to every explicit
/// `model.*` key, whatever the order.
///
/// A file's `include: NAME`, or a list of names, adds NAME or NAME.yaml beside it, else
/// configs/recipes/NAME.yaml, before the file's own keys, which win.
class ConfigTree {
 public:
  /// ConfigError, with file:line, if the file is missing, is not YAML, has a key twice or includes
  /// itself.
  void add_file(const std::string& path);
  /// `key=value`, the value in YAML without remarks, or a path that is there and that YAML would
  /// read otherwise. ConfigError if it has no `=` or the value is neither.
  void add_override(const std::string& assignment);
  /// One value that was read elsewhere (a field of a JSON file, whose values are YAML).
  void add(ConfigEntry entry) { merge({std::move(entry)}); }

  /// Values that yield to all others, also to those of earlier calls.
  void add_defaults(std::vector<ConfigEntry> entries);

  /// The value in force, or null.
  const ConfigEntry* find(const std::string& key) const;
  /// Every value in force.
  std::vector<ConfigEntry> entries() const;
  /// The name last given at the key `model`; "" if there was none.
  const std::string& model_name() const { return model_name_; }

 private:
  using Entries = std::vector<ConfigEntry>;
  void merge(Entries added);
  void include_model(const ConfigEntry& entry);
  void include_files(const ConfigEntry& entry, const std::string& by);

  Entries explicit_;
  Entries included_;  // from configs/models/NAME.yaml
  Entries defaults_;
  std::string model_name_;
  std::vector<std::string> open_files_;  // being added, the outermost first
};

/// Directories below which configs/ is looked for: what set_config_search_path said, else the
/// current directory, the source tree this was built from (if the build says), and
/// ../share/vicinity beside the executable.
std::vector<std::string> config_search_path();
void set_config_search_path(std::vector<std::string> directories);

/// The file that `name` means: the path itself if it is a file, else DIR/configs/KIND/NAME.yaml or
/// DIR/configs/NAME.yaml for the first DIR of the search path that has it, which come first where
/// `name` has neither a slash nor an ending. ConfigError names the near ones there are.
std::string find_config(const std::string& kind, const std::string& name);

}  // namespace vicinity
