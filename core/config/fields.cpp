#include "core/config/fields.h"

#include <algorithm>
#include <cmath>

#include "core/base/text.h"

namespace vicinity {

Check at_least(double bound) {
  return {"at least " + format_number(bound), [=](double x) { return x >= bound; }, nullptr};
}

Check greater_than(double bound) {
  return {"greater than " + format_number(bound), [=](double x) { return x > bound; }, nullptr};
}

Check between(double low, double high) {
  return {"between " + format_number(low) + " and " + format_number(high),
          [=](double x) { return x >= low && x <= high; }, nullptr};
}

Check odd_at_least(double bound) {
  return {"odd and at least " + format_number(bound),
          [=](double x) { return x >= bound && std::fabs(std::fmod(x, 2)) == 1; }, nullptr};
}

Check one_of(std::vector<std::string> names) {
  std::string expected = "one of " + join(names, ", ");
  return {std::move(expected), nullptr, [names = std::move(names)](const std::string& text) {
            return std::find(names.begin(), names.end(), text) != names.end();
          }};
}

Check one_of(std::initializer_list<double> values) {
  std::vector<std::string> texts;
  for (double value : values) texts.push_back(format_number(value));
  return {"one of " + join(texts, ", "),
          [values = std::vector<double>(values)](double x) {
            return std::find(values.begin(), values.end(), x) != values.end();
          },
          nullptr};
}

void Problems::add(const std::string& field, const std::string& message) {
  all_.push_back({join_path(section_, field), message});
}

std::string join_path(const std::string& section, const std::string& name) {
  return section.empty() || name.empty() ? section + name : section + "." + name;
}

const FieldRef* FieldList::find(const std::string& path) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(),
                                  [&](const FieldRef& field) { return field.path == path; });
  return found == fields_.end() ? nullptr : &*found;
}

bool FieldList::is_section(const std::string& path) const {
  return std::any_of(fields_.begin(), fields_.end(),
                     [&](const FieldRef& field) { return starts_with(field.path, path + "."); });
}

std::vector<std::string> FieldList::paths() const {
  std::vector<std::string> paths;
  for (const FieldRef& field : fields_) paths.push_back(field.path);
  return paths;
}

void FieldList::check_sections(Problems& problems) const {
  for (const SectionCheck& check : section_checks_) {
    problems.enter(check.section);
    check.run(problems);
  }
  problems.enter("");
}

}  // namespace vicinity
