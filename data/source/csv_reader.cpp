#include "data/source/csv_reader.h"

#include <cerrno>
#include <cstring>

#include "core/base/error.h"

namespace vicinity {
namespace {

constexpr size_t kLongestRow = size_t{1} << 20;
constexpr int kEnd = std::char_traits<char>::eof();

}  // namespace

CsvReader::CsvReader(const std::string& path) : path_(path), file_(path, std::ios::binary) {
  VIC_CHECK(DataError, file_.good(), "cannot read '", path, "': ", std::strerror(errno));
  find_separator();
  VIC_CHECK(DataError, read_row(header_), "'", path, "' is empty");
}

// The first of , ; and tab that stands outside quotes in the first line.
void CsvReader::find_separator() {
  for (const int mark : {0xEF, 0xBB, 0xBF}) {
    if (file_.rdbuf()->sgetc() == mark) file_.rdbuf()->sbumpc();
  }
  const auto start = file_.rdbuf()->pubseekoff(0, std::ios::cur, std::ios::in);
  bool quoted = false;
  for (int c = take(); c != kEnd && (quoted || c != '\n'); c = take()) {
    if (c == '"') quoted = !quoted;
    if (quoted || (c != ',' && c != ';' && c != '\t')) continue;
    separator_ = static_cast<char>(c);
    break;
  }
  file_.rdbuf()->pubseekpos(start, std::ios::in);
  line_ = 1;
  row_bytes_ = 0;
}

int CsvReader::take() {
  const int c = file_.rdbuf()->sbumpc();
  if (c == '\n') ++line_;
  VIC_CHECK(DataError, ++row_bytes_ <= kLongestRow, "'", path_, "' line ", row_line_,
            " is longer than ", kLongestRow, " bytes");
  return c;
}

// Behind the opening quote, up to the closing one.
void CsvReader::read_quoted(std::string& field) {
  for (;;) {
    const int c = take();
    VIC_CHECK(DataError, c != kEnd, "'", path_, "' line ", row_line_, ": a quote is not closed");
    if (c != '"') {
      field += static_cast<char>(c);
      continue;
    }
    if (file_.rdbuf()->sgetc() != '"') return;
    field += static_cast<char>(take());
  }
}

bool CsvReader::read_row(std::vector<std::string>& fields) {
  for (;;) {
    fields.assign(1, "");
    row_line_ = line_;
    row_bytes_ = 0;
    for (int c = take();; c = take()) {
      if (c == kEnd || c == '\n') {
        if (!fields.back().empty() && fields.back().back() == '\r') fields.back().pop_back();
        if (fields.size() > 1 || !fields[0].empty()) return true;
        if (c == kEnd) return false;
        break;  // an empty line
      }
      if (c == '"' && fields.back().empty()) {
        read_quoted(fields.back());
      } else if (c == separator_) {
        fields.emplace_back();
      } else {
        fields.back() += static_cast<char>(c);
      }
    }
  }
}

bool CsvReader::next(std::vector<std::string>& fields) {
  if (!read_row(fields)) return false;
  VIC_CHECK(DataError, fields.size() == header_.size(), "'", path_, "' line ", row_line_, " has ",
            fields.size(), " fields, the header ", header_.size());
  return true;
}

}  // namespace vicinity
