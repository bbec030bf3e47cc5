// A config struct as YAML that reads back to the same values, and as rows of help.
#pragma once

#include <string>
#include <vector>

#include "core/config/config_tree.h"
#include "core/config/fields.h"

namespace vicinity {

/// Nested YAML of every field, lists in flow style. With `origins`, each line ends in a comment
/// that says where its value came from ("# command line", "# default").
std::string dump_fields(const FieldList& fields, const ConfigTree* origins = nullptr);

/// The origin that stands as a comment at "FILE:LINE" of a dump, whose text this is; "" where there
/// is none.
std::string dumped_origin(const std::string& dump, const std::string& place);

struct HelpRow {
  std::string key;            ///< "train.batch"
  std::string type;           ///< "integer, at least 1"
  std::string default_value;  ///< in YAML
  std::string help;
};

std::vector<HelpRow> help_rows(const FieldList& fields);

template <class C>
std::string dump_config(C& config, const ConfigTree* origins = nullptr) {
  return dump_fields(fields_of(config), origins);
}

/// The rows of `config`, whose present values are the defaults.
template <class C>
std::vector<HelpRow> help_rows_of(C& config) {
  return help_rows(fields_of(config));
}

}  // namespace vicinity
