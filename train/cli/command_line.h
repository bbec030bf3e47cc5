// What a verb of the command line is, and what was typed for it.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace vicinity {

/// One option of a verb. `value` is the placeholder of its argument, empty for a switch.
struct Option {
  std::string name;  // "--out"
  std::string value;
  std::string help;
  bool repeated = false;
};

/// What was typed after a verb.
struct Arguments {
  std::vector<std::string> positional;
  std::vector<std::string> overrides;  // key=value
  std::map<std::string, std::vector<std::string>> options;

  bool has(const std::string& option) const { return options.contains(option); }
  /// The last value of an option, or `otherwise`.
  std::string get(const std::string& option, const std::string& otherwise = "") const;
  std::vector<std::string> all(const std::string& option) const;
  /// A whole number of at least `least`; UsageError naming the option otherwise.
  int64_t number(const std::string& option, int64_t otherwise, int64_t least) const;
};

struct Verb {
  std::string name;  // "train", "data pack"
  std::string usage;
  std::string help;
  std::vector<Option> options;
  bool takes_config = false;  // key=value overrides and --config
  int (*run)(const Arguments&);
  std::string alone{};  // why many ranks would not help it, where that is known
};

/// Every verb, in the order of the help. One readable table, no static registration.
const std::vector<Verb>& verbs();

/// Finds the verb, parses what follows, runs it. UsageError (exit 2) with the nearest name on what
/// it does not know.
int run_command_line(const std::vector<std::string>& words);

}  // namespace vicinity
