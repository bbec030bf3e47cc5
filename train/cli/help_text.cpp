#include "train/cli/help_text.h"

#include <algorithm>

#include "core/base/text.h"
#include "train/cli/verbs.h"

namespace vicinity {
namespace {

constexpr size_t kVerbs = 14, kOptions = 24;  // columns of the first part of a line

std::string row(const std::string& left, const std::string& right, size_t width) {
  const std::string blanks(left.size() < width ? width - left.size() : 1, ' ');
  return "  " + left + blanks + right + "\n";
}

std::string list_verbs(const std::string& prefix) {
  std::string text;
  for (const Verb& verb : verbs())
    if (starts_with(verb.name, prefix)) text += row(verb.name, verb.help, kVerbs);
  return text;
}

constexpr const char* kMore = "\nvicinity VERB --help tells more; vicinity --version the build.\n";

}  // namespace

std::string overview() {
  return "vicinity trains DiNAT and DINOv2 vision transformers.\n\nusage: vicinity VERB "
         "[arguments]\n\n" +
         list_verbs("") + kMore;
}

std::string help_of_group(const std::string& word) {
  const auto is_word = [&](const Verb& verb) { return verb.name == word; };
  if (std::any_of(verbs().begin(), verbs().end(), is_word)) return "";
  const std::string text = list_verbs(word + " ");
  return text.empty() ? "" : "usage: vicinity VERB [arguments]\n\n" + text + kMore;
}

std::string help_of(const Verb& verb) {
  std::string text = verb.help + "\n\nusage: vicinity " + verb.name;
  if (!verb.usage.empty()) text += " " + verb.usage;
  text += "\n\n";
  if (verb.takes_config) {
    text += row("key=value", "a setting; docs/reference.md has all of them", kOptions) +
            row("--config FILE|NAME", "settings in YAML, or a name under configs/; later ones win",
                kOptions);
  }
  for (const Option& option : verb.options)
    text += row(option.value.empty() ? option.name : option.name + " " + option.value, option.help,
                kOptions);
  const std::string others = list_verbs(verb.name + " ");
  return others.empty() ? text : text + "\n" + others;
}

}  // namespace vicinity
