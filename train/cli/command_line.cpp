#include "train/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/comm/launch.h"
#include "train/cli/help_text.h"
#include "train/cli/version.h"

namespace vicinity {
namespace {

// "a=b.jpg" is a picture where there is one.
bool is_override(const std::string& word) {
  const size_t equals = word.find('=');
  std::error_code ignored;
  return !std::filesystem::exists(word, ignored) && equals != std::string::npos && equals > 0 &&
         word[0] != '-' && word.find('/') > equals && word.find(' ') > equals;
}

bool asks_for_help(const std::string& word) { return word == "--help" || word == "-h"; }

// data.root=~/flowers: a shell expands ~ at the beginning of a word alone.
std::string with_home(const std::string& word) {
  const size_t value = word.find('=') + 1;
  const char* home = std::getenv("HOME");
  if (home == nullptr || word.compare(value, 2, "~/") != 0) return word;
  return word.substr(0, value) + home + word.substr(value + 1);
}

// "data pack" is one verb of two words.
const Verb& find_verb(const std::vector<std::string>& words, size_t& used) {
  std::vector<std::string> names;
  const Verb* found = nullptr;
  for (const Verb& verb : verbs()) {
    const std::vector<std::string> parts = split(verb.name, ' ');
    const bool fits =
        parts.size() <= words.size() && std::equal(parts.begin(), parts.end(), words.begin());
    if (fits && parts.size() > used) {  // "eval knn" before "eval"
      found = &verb;
      used = parts.size();
    }
    names.push_back(verb.name);
  }
  if (found != nullptr) return *found;
  const std::string two = words.size() > 1 ? words[0] + " " + words[1] : words[0];
  std::string near = nearest(words[0], names);
  if (near.empty()) near = nearest(two, names);
  for (const std::string& name : names) {
    if (near.empty() && starts_with(name, words[0] + " ")) near = name;
  }
  VIC_FAIL(UsageError, "unknown verb '", words[0], "'",
           near.empty() ? "" : "; did you mean '" + near + "'?",
           "\nThe verbs are: ", join(names, ", "), ".");
}

// Options that CLI11 does not know, with the nearest that the verb has.
void refuse_unknown(const Verb& verb, const std::vector<std::string>& words) {
  std::vector<std::string> names = {"--help", "--config"};
  for (const Option& option : verb.options) names.push_back(option.name);
  for (const std::string& word : words) {
    const std::string name = word.substr(0, word.find('='));
    if (!starts_with(word, "--") || std::find(names.begin(), names.end(), name) != names.end())
      continue;
    const std::string near = nearest(name, names);
    VIC_FAIL(UsageError, "unknown option '", name, "' of vicinity ", verb.name,
             near.empty() ? "" : "; did you mean '" + near + "'?", "\nvicinity ", verb.name,
             " --help lists them; settings are written key=value, without dashes.");
  }
}

bool runs_on_ranks(const Verb& verb) {
  return std::any_of(verb.options.begin(), verb.options.end(),
                     [](const Option& option) { return option.name == "--ranks"; });
}

// Others would do the same work several times, into the same files.
void refuse_ranks(const Verb& verb) {
  if (runs_on_ranks(verb) || verb.name == "doctor") return;
  const Launch launch = find_launch();
  if (launch.size == 1) return;
  std::vector<std::string> names;
  for (const Verb& other : verbs())
    if (runs_on_ranks(other)) names.push_back(other.name);
  VIC_FAIL(UsageError, "vicinity ", verb.name, " runs as one process, but ", launch.by,
           " has started ", launch.size, verb.alone.empty() ? "" : ". " + verb.alone,
           "; on many ranks run ", join(names, ", "));
}

}  // namespace

std::string Arguments::get(const std::string& option, const std::string& otherwise) const {
  const auto found = options.find(option);
  return found == options.end() || found->second.empty() ? otherwise : found->second.back();
}

std::vector<std::string> Arguments::all(const std::string& option) const {
  const auto found = options.find(option);
  return found == options.end() ? std::vector<std::string>{} : found->second;
}

int64_t Arguments::number(const std::string& option, int64_t otherwise, int64_t least) const {
  if (!has(option)) return otherwise;
  const std::string text = get(option);
  char* end = nullptr;
  const int64_t value = std::strtoll(text.c_str(), &end, 10);
  VIC_CHECK(UsageError, !text.empty() && *end == '\0' && value >= least, option, " ", text,
            ": needs a whole number of at least ", least);
  return value;
}

int run_command_line(const std::vector<std::string>& words) {
  if (words.empty() || asks_for_help(words[0]) || words[0] == "help") {
    std::cout << overview();
    return words.empty() ? static_cast<int>(ExitCode::config) : 0;
  }
  const std::string group = help_of_group(words[0]);
  if (!group.empty() && (words.size() == 1 || asks_for_help(words[1]))) {
    std::cout << group;
    return words.size() == 1 ? static_cast<int>(ExitCode::config) : 0;
  }
  if (words[0] == "--version") {
    std::cout << version_text();
    return 0;
  }
  size_t used = 0;
  const Verb& verb = find_verb(words, used);
  refuse_ranks(verb);
  std::vector<std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(used), words.end());
  refuse_unknown(verb, rest);

  CLI::App app("", "vicinity " + verb.name);
  Arguments arguments;
  std::map<std::string, std::vector<std::string>> values;
  std::vector<std::string> plain;
  app.add_option("arguments", plain);
  if (verb.takes_config) {
    app.add_option("--config", values["--config"])
        ->type_name("FILE|NAME")
        ->take_all()
        ->allow_extra_args(false);
  }
  for (const Option& option : verb.options) {
    if (option.value.empty()) {
      app.add_flag_callback(option.name, [&, name = option.name] { arguments.options[name]; });
    } else {
      app.add_option(option.name, values[option.name])
          ->type_name(option.value)
          ->take_all()
          ->allow_extra_args(false);
    }
  }
  try {
    std::reverse(rest.begin(), rest.end());
    app.parse(rest);
  } catch (const CLI::CallForHelp&) {
    std::cout << help_of(verb);
    return 0;
  } catch (const CLI::ParseError& error) {
    VIC_FAIL(UsageError, "vicinity ", verb.name, ": ", error.what(), "\nvicinity ", verb.name,
             " --help tells more.");
  }
  for (auto& [name, list] : values) {
    if (!list.empty()) arguments.options[name] = list;
  }
  for (const std::string& word : plain) {
    if (verb.takes_config && is_override(word)) {
      arguments.overrides.push_back(with_home(word));
    } else {
      arguments.positional.push_back(word);
    }
  }
  return verb.run(arguments);
}

}  // namespace vicinity
