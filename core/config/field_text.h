// One field and its YAML text.
#pragma once

#include <string>

#include "core/config/fields.h"

namespace vicinity {

/// The field's value as one line of YAML; numbers read back to the same bits.
std::string field_text(const FieldRef& field);
/// "integer", "list of numbers", "text or null", ...
std::string type_name(const FieldRef& field);
/// Reads `yaml` into the field. Returns "" or what was expected ("expected an integer"); the field
/// is then as it was. An empty mapping for a map changes nothing.
std::string assign(const FieldRef& field, const std::string& yaml);
/// "" or what the value violates ("must be at least 1").
std::string violation(const FieldRef& field);

}  // namespace vicinity
