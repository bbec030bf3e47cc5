// Values as one line of YAML.
#pragma once

#include <string>

namespace YAML {
class Node;
}

namespace vicinity {

/// Text as YAML, in quotes if it would otherwise read as something else (`"10"`, `"a: b"`, `""`).
std::string yaml_string(const std::string& text);
/// ConfigError if the node, with every alias (`*name`) written out, has more than 200,000 values or
/// nests more than 64 deep, as one that contains itself does. What follows may then walk it.
void check_extent(const YAML::Node& node);
/// The node in flow style, quotes kept: `[3, "a, b", {c: 1}]`.
std::string yaml_text(const YAML::Node& node);

}  // namespace vicinity
