// Values as one line of YAML.
#pragma once

#include <string>

namespace YAML {
class Node;
}

namespace vicinity {

/// Text as YAML, in quotes if it would otherwise read as something else (`"10"`, `"a: b"`, `""`).
std::string yaml_string(const std::string& text);
/// The node in flow style, quotes kept: `[3, "a, b", {c: 1}]`.
std::string yaml_text(const YAML::Node& node);

}  // namespace vicinity
