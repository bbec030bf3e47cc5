// Named arrays written row by row into one file that is whole or absent, by a process that may be
// killed and started again.
#pragma once

#include <memory>

#include "data/arrays/array_layout.h"

namespace vicinity {

/// Writes PATH.part with a progress file beside it. Memory: the rows given to append.
class ArrayFile {
 public:
  /// Starts anew. `identity` names what is written, for resume. UsageError for an extension that is
  /// none of a format.
  static std::unique_ptr<ArrayFile> create(const std::string& path, const std::string& identity,
                                           std::vector<ArraySpec> arrays);
  /// What a killed process with the same identity left; null if there is nothing of the kind.
  static std::unique_ptr<ArrayFile> resume(const std::string& path, const std::string& identity);
  ~ArrayFile();
  ArrayFile(const ArrayFile&) = delete;
  ArrayFile& operator=(const ArrayFile&) = delete;

  const std::vector<ArraySpec>& arrays() const { return arrays_; }
  /// Rows that the last commit of array `number` found.
  int64_t rows(size_t number) const;
  /// The next rows of an array: whole rows.
  void append(size_t number, const void* data, uint64_t bytes);
  /// Forces everything to the disk and notes how far it is: from here a killed process goes on.
  void commit();
  /// Renames to PATH. InternalError if rows are missing.
  void finish();

 private:
  ArrayFile(std::string path, std::string identity, std::vector<ArraySpec> arrays,
            std::vector<uint64_t> offsets);

  std::string path_, identity_;
  std::vector<ArraySpec> arrays_;
  std::vector<uint64_t> offsets_, written_;  // bytes
  std::vector<uint32_t> crcs_;
  int file_ = -1;
};

}  // namespace vicinity
