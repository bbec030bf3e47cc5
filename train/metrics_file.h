// metrics.jsonl: one JSON object a line, for people's scripts.
#pragma once

#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace vicinity {

/// Fields of one line, in the order in which they are written; values are JSON already.
class JsonLine {
 public:
  JsonLine& add(const std::string& name, double value);
  JsonLine& add(const std::string& name, int64_t value);
  JsonLine& add(const std::string& name, const std::string& value);
  std::string text() const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

class MetricsFile {
 public:
  /// Continues `path`. Lines of steps beyond `last_step` are dropped: they belong to a future that
  /// a resumed run computes again.
  MetricsFile(std::string path, int64_t last_step);
  void write(const JsonLine& line);

 private:
  std::ofstream file_;
  std::string path_;
};

}  // namespace vicinity
