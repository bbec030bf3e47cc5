// A config struct describes each of its fields once, in `fields(V& v)`; reading, checking, --help
// and dump all come from that list. This header is all that such a struct needs.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace vicinity {

/// What a value must satisfy. Applies to every element of a list; an unset optional passes.
struct Check {
  std::string expected;  ///< completes "must be ..."
  std::function<bool(double)> accepts_number;
  std::function<bool(const std::string&)> accepts_text;
};

/// x >= bound.
Check at_least(double bound);
/// x > bound.
Check greater_than(double bound);
/// low <= x <= high.
Check between(double low, double high);
/// x odd and >= bound.
Check odd_at_least(double bound);
Check one_of(std::vector<std::string> names);
Check one_of(std::initializer_list<double> values);

/// What `void check(Problems&) const` of a config struct reports: rules that involve several
/// fields.
class Problems {
 public:
  struct Problem {
    std::string path;
    std::string message;
  };

  /// `field` is the name inside the reporting struct ("betas"; "" for the struct as a whole).
  void add(const std::string& field, const std::string& message);
  const std::vector<Problem>& all() const { return all_; }
  /// Names reported from now on are below `section` ("optim"; "" for the root).
  void enter(const std::string& section) { section_ = section; }

 private:
  std::string section_;
  std::vector<Problem> all_;
};

/// The types that a field can have.
using FieldPointer =
    std::variant<int*, int64_t*, uint64_t*, float*, double*, bool*, std::string*, std::vector<int>*,
                 std::vector<int64_t>*, std::vector<float>*, std::vector<double>*,
                 std::vector<std::string>*, std::vector<std::vector<int>>*, std::optional<int>*,
                 std::optional<int64_t>*, std::optional<uint64_t>*, std::optional<float>*,
                 std::optional<double>*, std::optional<bool>*, std::optional<std::string>*,
                 std::map<std::string, std::string>*>;

/// One field of a config struct that outlives this reference.
struct FieldRef {
  std::string path;  ///< "train.batch"
  FieldPointer pointer;
  std::string help;
  std::vector<Check> checks;

  /// A mapping, whose own keys stand below `path`.
  bool is_map() const {
    return std::holds_alternative<std::map<std::string, std::string>*>(pointer);
  }
};

/// "a" + "b" -> "a.b"; "" + "b" -> "b"; "a" + "" -> "a".
std::string join_path(const std::string& section, const std::string& name);

/// The visitor that `fields(V& v)` is called with: v("name", member, "help", checks...).
class FieldList {
 public:
  template <class T, class... Checks>
  void operator()(const std::string& name, T& member, const std::string& help, Checks... checks) {
    const std::string path = join_path(section_, name);
    if constexpr (requires(FieldList & v) { member.fields(v); }) {
      static_assert(sizeof...(Checks) == 0, "a section has no value to check");
      const std::string outer = std::exchange(section_, path);
      add_section(member);
      section_ = outer;
    } else {
      fields_.push_back({path, &member, help, {std::move(checks)...}});
    }
  }

  /// Every field of `section`, and its check() if it has one.
  template <class C>
  void add_section(C& section) {
    section.fields(*this);
    if constexpr (requires(Problems & problems) { std::as_const(section).check(problems); }) {
      section_checks_.push_back(
          {section_, [&section](Problems& problems) { std::as_const(section).check(problems); }});
    }
  }

  const std::vector<FieldRef>& fields() const { return fields_; }
  /// The field at `path`, or null.
  const FieldRef* find(const std::string& path) const;
  /// True if some field stands below `path`.
  bool is_section(const std::string& path) const;
  std::vector<std::string> paths() const;
  /// Runs the check() of every section.
  void check_sections(Problems& problems) const;

 private:
  struct SectionCheck {
    std::string section;
    std::function<void(Problems&)> run;
  };

  std::string section_;
  std::vector<FieldRef> fields_;
  std::vector<SectionCheck> section_checks_;
};

/// The fields of `config`, nested structs included, in the order of their description.
template <class C>
FieldList fields_of(C& config) {
  FieldList list;
  list.add_section(config);
  return list;
}

}  // namespace vicinity
