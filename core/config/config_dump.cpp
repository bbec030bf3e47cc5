#include "core/config/config_dump.h"

#include <algorithm>
#include <cstdlib>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/field_text.h"
#include "core/config/yaml_text.h"

namespace vicinity {
namespace {

// A section or a value of the YAML to write. A section that is described in two places becomes one.
struct Node {
  std::string name;
  std::string text;  // empty: a section
  std::string comment;
  std::vector<Node> children;

  Node& child(const std::string& wanted) {
    for (Node& node : children) {
      if (node.name == wanted) return node;
    }
    return children.emplace_back(Node{wanted, "", "", {}});
  }
};

void add_map(Node& node, const FieldRef& field, const ConfigTree* origins);

std::string comment_for(const std::string& path, const ConfigTree* origins) {
  if (!origins) return "";
  const ConfigEntry* entry = origins->find(path);
  return "  # " + (entry ? entry->origin : "default");
}

Node tree_of(const FieldList& fields, const ConfigTree* origins) {
  Node root;
  for (const FieldRef& field : fields.fields()) {
    Node* node = &root;
    for (const std::string& name : split(field.path, '.')) node = &node->child(name);
    node->text = field_text(field);
    node->comment = comment_for(field.path, origins);
    if (field.is_map()) add_map(*node, field, origins);
  }
  return root;
}

// A map's entries get a line each: every one has its own origin.
void add_map(Node& node, const FieldRef& field, const ConfigTree* origins) {
  const auto& map = *std::get<std::map<std::string, std::string>*>(field.pointer);
  if (map.empty()) return;
  node.text.clear();
  for (const auto& [key, value] : map) {
    node.children.push_back(
        {key, yaml_string(value), comment_for(join_path(field.path, key), origins), {}});
  }
}

void write(const Node& node, int depth, std::string& out) {
  for (const Node& child : node.children) {
    out += std::string(static_cast<size_t>(2 * depth), ' ') + yaml_string(child.name) + ":";
    if (child.children.empty()) {
      out += " " + child.text + child.comment + "\n";
    } else {
      out += "\n";
      write(child, depth + 1, out);
    }
  }
}

}  // namespace

std::string dump_fields(const FieldList& fields, const ConfigTree* origins) {
  std::string out;
  write(tree_of(fields, origins), 0, out);
  return out;
}

std::string dumped_origin(const std::string& dump, const std::string& place) {
  const std::vector<std::string> lines = split(dump, '\n');
  const long line = std::atol(place.substr(place.rfind(':') + 1).c_str());
  if (line < 1 || line > static_cast<long>(lines.size())) return "";
  const std::string& text = lines[static_cast<size_t>(line - 1)];
  const size_t at = text.rfind("  # ");
  return at == std::string::npos ? "" : text.substr(at + 4);
}

std::vector<HelpRow> help_rows(const FieldList& fields) {
  std::vector<HelpRow> rows;
  for (const FieldRef& field : fields.fields()) {
    std::string type = type_name(field);
    for (const Check& check : field.checks) type += ", " + check.expected;
    rows.push_back({field.path, std::move(type), field_text(field), field.help});
  }
  return rows;
}

}  // namespace vicinity
