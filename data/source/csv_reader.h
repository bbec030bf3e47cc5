#pragma once

#include <fstream>
#include <string>
#include <vector>

namespace vicinity {

/// Rows of a file of separated values (RFC 4180): fields may be quoted, "" is a quote in one, line
/// ends may be of either kind; a byte order mark is passed over, empty lines are too. The
/// separator is the comma, semicolon or tab that the first row has. DataError, naming the line, for
/// a quote that is not closed, a row of another number of fields, or one beyond 1 MiB.
class CsvReader {
 public:
  explicit CsvReader(const std::string& path);

  const std::vector<std::string>& header() const { return header_; }
  /// False at the end.
  bool next(std::vector<std::string>& fields);
  /// Line in which the last row began, from 1.
  int64_t line() const { return row_line_; }

 private:
  bool read_row(std::vector<std::string>& fields);
  void read_quoted(std::string& field);
  int take();
  void find_separator();

  std::string path_;
  std::ifstream file_;
  std::vector<std::string> header_;
  char separator_ = ',';
  int64_t line_ = 1, row_line_ = 1;
  size_t row_bytes_ = 0;
};

}  // namespace vicinity
