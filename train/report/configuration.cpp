#include "core/base/text.h"
#include "train/report/sections.h"

namespace vicinity {

Html configuration_section(const RunRecord& run, const std::string& id) {
  std::vector<std::vector<Html>> chosen, all;
  for (const Setting& setting : run.settings) {
    const std::vector<Html> row = {setting.key, setting.value, setting.origin};
    all.push_back(row);
    if (!setting.origin.empty() && setting.origin != "default") chosen.push_back(row);
  }
  const std::vector<std::string> columns = {"key", "value", "from"};
  Html inner =
      element("h3", "Command") + element("pre", {{"tabindex", "0"}}, join(run.commands, "\n"));
  if (!chosen.empty()) inner += table("Settings that are not defaults", columns, chosen);
  inner += details("All settings", table("All settings", columns, all));
  return section(id, "Configuration", element("div", {{"class", "settings"}}, inner));
}

}  // namespace vicinity
