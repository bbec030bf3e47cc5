// Fills a config struct from a ConfigTree and reports everything that is wrong with it at once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/config/config_tree.h"
#include "core/config/fields.h"

namespace vicinity {

struct ReadOptions {
  /// For files that others write (Hugging Face's config.json): keys without a field are returned,
  /// not refused.
  bool ignore_unknown = false;
};

/// read_config for a struct whose fields `collect` lists afresh on every call.
std::vector<std::string> read_fields(const ConfigTree& tree,
                                     const std::function<FieldList()>& collect,
                                     const ReadOptions& options = {});

/// Sets the fields of `config` that `tree` names; the others keep their values. Which fields there
/// are may depend on the values of others (model.family): they are listed again until nothing new
/// appears.
///
/// Returns the ignored keys. One ConfigError lists every problem with its origin: unknown keys with
/// the near one, values of another type, violated checks of a field or of a section.
template <class C>
std::vector<std::string> read_config(const ConfigTree& tree, C& config,
                                     const ReadOptions& options = {}) {
  return read_fields(
      tree, [&config] { return fields_of(config); }, options);
}

}  // namespace vicinity
