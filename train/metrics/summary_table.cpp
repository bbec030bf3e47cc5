#include "train/metrics/summary_table.h"

#include <algorithm>

#include "core/base/text.h"

namespace vicinity {
namespace {

std::string cell(const Scalars& row, const std::string& column) {
  const auto found = std::find_if(row.begin(), row.end(),
                                  [&](const auto& scalar) { return scalar.first == column; });
  return found == row.end() ? "" : format_scalar(found->second);
}

std::string quoted(const std::string& name) {
  if (name.find_first_of(",\"\r\n") == std::string::npos) return name;
  std::string result = "\"";
  for (const char c : name) result += c == '"' ? "\"\"" : std::string(1, c);
  return result + "\"";
}

}  // namespace

bool SummaryTable::add(const MetricsLine& line) {
  for (const auto& [name, value] : line.scalars) {
    if (name == "train/lr") lr_ = value;
    for (Mean& mean : means_) {
      if (mean.name != name) continue;
      mean.sum += value;
      ++mean.count;
    }
  }
  if (!is_evaluation(line.scalars)) return false;
  Scalars row = {{"step", static_cast<double>(line.step)}, {"epoch", line.epoch}};
  for (Mean& mean : means_) {
    if (mean.count > 0) row.emplace_back(mean.name, mean.sum / static_cast<double>(mean.count));
    mean = {mean.name};
  }
  row.emplace_back("train/lr", lr_);
  row.insert(row.end(), line.scalars.begin(), line.scalars.end());
  for (const auto& [name, value] : row) {
    if (std::find(columns_.begin(), columns_.end(), name) == columns_.end())
      columns_.push_back(name);
  }
  rows_.push_back(std::move(row));
  return true;
}

std::string SummaryTable::csv() const {
  std::string text;
  for (const std::string& column : columns_) text += (text.empty() ? "" : ",") + quoted(column);
  text += "\n";
  for (const Scalars& row : rows_) {
    for (size_t i = 0; i < columns_.size(); ++i)
      text += (i > 0 ? "," : "") + cell(row, columns_[i]);
    text += "\n";
  }
  return text;
}

}  // namespace vicinity
