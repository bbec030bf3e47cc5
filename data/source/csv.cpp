#include "data/source/csv.h"

#include <algorithm>
#include <filesystem>
#include <functional>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "data/image/probe.h"
#include "data/source/csv_reader.h"
#include "data/source/folder.h"

namespace vicinity {
namespace {

// The number of the column `asked`, or of the only one with a usual name.
size_t find_column(const std::vector<std::string>& header, const std::string& asked,
                   const std::vector<std::string>& usual, const char* key,
                   const std::string& path) {
  std::vector<size_t> found;
  for (size_t i = 0; i < header.size(); ++i) {
    const bool named = asked.empty()
                           ? std::find(usual.begin(), usual.end(), lower(header[i])) != usual.end()
                           : header[i] == asked;
    if (named) found.push_back(i);
  }
  VIC_CHECK(DataError, found.size() == 1, "'", path, "' has the columns ", join(header, ", "), ": ",
            asked.empty() ? "which" : str("'", asked, "'"),
            asked.empty() ? " holds the "
                          : str(" is ", found.empty() ? "none" : "more than one", " of them, the "),
            key, "s? Say it with data.", key, "_column=NAME",
            header.size() == 1 ? "; a header such as file,label is needed" : "");
  return found[0];
}

}  // namespace

CsvSource::CsvSource(const std::string& path, const CsvColumns& columns,
                     const std::vector<std::string>& classes)
    : folder_(std::filesystem::path(path).parent_path().string()) {
  CsvReader reader(path);
  const size_t image = find_column(
      reader.header(), columns.image,
      {"file", "filename", "file_name", "path", "filepath", "file_path", "image", "image_path"},
      "image", path);
  const size_t label =
      find_column(reader.header(), columns.label,
                  {"label", "class", "class_name", "category", "target"}, "label", path);
  ClassOrder order;
  std::vector<std::string> fields;
  while (reader.next(fields)) {
    VIC_CHECK(DataError, !fields[image].empty() && !fields[label].empty(), "'", path, "' line ",
              reader.line(), " has no ", fields[image].empty() ? "file" : "label");
    VIC_CHECK(DataError, fields[image].find('\0') == std::string::npos, "'", path, "' line ",
              reader.line(), ": a path with a zero byte");
    paths_.add(fields[image]);
    labels_.push_back(order.add(fields[label]));
  }
  VIC_CHECK(DataError, !labels_.empty(), "no images in '", path, "': it has a header and no rows");
  const ClassOrder::Classes numbered = order.classes(classes, path);
  class_names_ = numbered.names;
  for (int32_t& l : labels_) l = numbered.label[static_cast<size_t>(l)];
  find_repeats(path);
}

void CsvSource::find_repeats(const std::string& path) {
  std::unordered_map<uint64_t, int64_t> seen;  // a collision of hashes only costs the sharing
  seen.reserve(labels_.size());
  for (size_t i = 0; i < labels_.size(); ++i) {
    const auto number = static_cast<int64_t>(i);
    const auto found = seen.try_emplace(std::hash<std::string_view>()(paths_[i]), number).first;
    const auto first = static_cast<size_t>(found->second);
    const bool same = paths_[first] == paths_[i];
    first_.push_back(same ? found->second : number);
    VIC_CHECK(DataError, !same || labels_[first] == labels_[i], "'", paths_[i], "' stands in '",
              path, "' with two classes, '", class_names_[static_cast<size_t>(labels_[first])],
              "' and '", class_names_[static_cast<size_t>(labels_[i])], "'; an image has one");
  }
}

std::string CsvSource::name(int64_t index) const {
  return (std::filesystem::path(folder_) / key(index)).string();
}

Source::Stored CsvSource::stored(int64_t index) const { return {read_file(name(index)), 0, 0, 0}; }

Source::Layout CsvSource::layout(int64_t index) const {
  return {bytes_of_file(name(index)), 0, 0, 0};
}

bool CsvSource::looks_whole(int64_t index) const { return vicinity::looks_whole(name(index)); }

}  // namespace vicinity
