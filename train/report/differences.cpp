#include <algorithm>

#include "train/report/sections.h"

namespace vicinity {
namespace {

std::string value_in(const RunRecord& run, const std::string& key) {
  const auto found = std::find_if(run.settings.begin(), run.settings.end(),
                                  [&](const Setting& setting) { return setting.key == key; });
  return found == run.settings.end() ? "" : found->value;
}

// In the order of the runs, each once.
std::vector<std::string> keys_of(const std::vector<RunRecord>& runs) {
  std::vector<std::string> keys;
  for (const RunRecord& run : runs) {
    for (const Setting& setting : run.settings)
      if (std::find(keys.begin(), keys.end(), setting.key) == keys.end())
        keys.push_back(setting.key);
  }
  return keys;
}

}  // namespace

Html differing_settings(const std::vector<RunRecord>& runs) {
  std::vector<std::string> columns = {"key"};
  for (const RunRecord& run : runs) columns.push_back(run.name);
  std::vector<std::vector<Html>> rows;
  for (const std::string& key : keys_of(runs)) {
    std::vector<Html> row = {key};
    bool differs = false;
    for (const RunRecord& run : runs) {
      const std::string value = value_in(run, key);
      differs = differs || value != value_in(runs[0], key);
      row.emplace_back(value.empty() ? "-" : value);
    }
    if (differs) rows.push_back(row);
  }
  if (rows.empty()) return element("p", "The runs have the same settings.");
  return table("Settings that differ", columns, rows);
}

}  // namespace vicinity
