#include "train/metrics_file.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string name_of_nonfinite(double value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}

std::optional<double> number_of(const nlohmann::json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (value == "Infinity") return kInfinity;
  if (value == "-Infinity") return -kInfinity;
  return std::nullopt;
}

}  // namespace

std::string format_scalar(double value) {
  constexpr double kExact = 9007199254740992;  // 2^53
  const bool whole = std::abs(value) < kExact && value == std::trunc(value);
  return whole ? std::to_string(static_cast<int64_t>(value)) : format_number(value);
}

std::string metrics_line(int64_t step, double epoch, const Scalars& scalars) {
  std::string line = str("{\"step\": ", step, ", \"epoch\": ", format_scalar(epoch));
  std::vector<std::string> nonfinite;
  for (const auto& [name, value] : scalars) {
    const bool finite = std::isfinite(value);
    if (!finite) nonfinite.push_back(json_quote(name));
    line += ", " + json_quote(name) + ": " +
            (finite ? format_scalar(value) : json_quote(name_of_nonfinite(value)));
  }
  if (!nonfinite.empty()) line += ", \"nonfinite\": [" + join(nonfinite, ", ") + "]";
  return line + "}";
}

std::optional<MetricsLine> parse_metrics_line(const std::string& line) {
  const auto object = nlohmann::ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return std::nullopt;
  MetricsLine parsed;
  for (const auto& [name, value] : object.items()) {
    const std::optional<double> number = number_of(value);
    if (!number) continue;
    if (name == "step") {
      parsed.step = static_cast<int64_t>(*number);
    } else if (name == "epoch") {
      parsed.epoch = *number;
    } else {
      parsed.scalars.emplace_back(name, *number);
    }
  }
  return parsed;
}

bool is_evaluation(const Scalars& scalars) {
  return std::any_of(scalars.begin(), scalars.end(), [](const auto& scalar) {
    return starts_with(scalar.first, "val/") || scalar.first == "time/eval_s";
  });
}

bool is_later(const MetricsLine& line, const KnownUpTo& known) {
  return line.step > known.step ||
         (line.step == known.step && !known.evaluated && is_evaluation(line.scalars));
}

MetricsFile::MetricsFile(const std::string& path, const KnownUpTo& known) {
  const std::string before = std::filesystem::exists(path) ? read_file(path) : "";
  std::string after;
  for (const std::string& line : split(before, '\n')) {
    std::optional<MetricsLine> parsed = parse_metrics_line(line);
    if (!parsed || is_later(*parsed, known)) continue;
    after += line + "\n";
    kept_.push_back(std::move(*parsed));
  }
  if (after != before) write_file_atomically(path, after);
  file_.emplace(path, FileWriter::Mode::append);
}

void MetricsFile::write(int64_t step, double epoch, const Scalars& scalars) {
  file_->write(metrics_line(step, epoch, scalars) + "\n");
}

}  // namespace vicinity
