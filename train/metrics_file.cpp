#include "train/metrics_file.h"

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/text.h"

namespace vicinity {

JsonLine& JsonLine::add(const std::string& name, double value) {
  fields_.emplace_back(name, std::isfinite(value) ? format_number(value) : "null");
  return *this;
}
JsonLine& JsonLine::add(const std::string& name, int64_t value) {
  fields_.emplace_back(name, std::to_string(value));
  return *this;
}
JsonLine& JsonLine::add(const std::string& name, const std::string& value) {
  fields_.emplace_back(name, json_quote(value));
  return *this;
}

std::string JsonLine::text() const {
  std::string line = "{";
  for (const auto& [name, value] : fields_)
    line += (line.size() > 1 ? ", " : "") + json_quote(name) + ": " + value;
  return line + "}";
}

MetricsFile::MetricsFile(std::string path, int64_t last_step) : path_(std::move(path)) {
  std::string kept;
  if (std::filesystem::exists(path_)) {
    for (const std::string& line : split(read_file(path_), '\n')) {
      const auto object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
      // A line cut short by a crash does not parse and goes, too.
      if (object.is_object() && object.value("step", int64_t{0}) <= last_step) kept += line + "\n";
    }
  }
  write_file_atomically(path_, kept);
  file_.open(path_, std::ios::app);
  VIC_CHECK(IoError, file_.good(), "cannot write '", path_, "'");
}

void MetricsFile::write(const JsonLine& line) {
  file_ << line.text() << '\n' << std::flush;
  VIC_CHECK(IoError, file_.good(), "cannot write to '", path_, "' (disk full?)");
}

}  // namespace vicinity
