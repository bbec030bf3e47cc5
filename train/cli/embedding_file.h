// The file that `vicinity embed` writes: one row an image in every array, in the order of the list.
#pragma once

#include <chrono>
#include <memory>

#include "data/arrays/array_file.h"
#include "train/cli/embedded_rows.h"

namespace vicinity {

/// Beside the outputs: `ok` u8 [N], 0 where an image could not be used (its row is NaN), `files`
/// [N] and, where there is a classifier, `class_names` [K].
class EmbeddingFile {
 public:
  /// Goes on with what a killed process with the same identity left. UsageError if `path` exists,
  /// unless `overwrite`, or has no known extension.
  EmbeddingFile(const std::string& path, const std::string& identity, bool overwrite,
                const std::vector<QuerySource>& sources, std::vector<std::string> class_names);

  /// How many images are in it.
  size_t done() const { return done_; }
  /// The next images. DataError if the outputs of one have other shapes than those before.
  void add(const EmbeddedRows& rows);
  /// Now and then: notes how far it is.
  void commit();
  /// DataError if no image could be used: then there is no file.
  void finish();

 private:
  void create(const std::vector<NamedTensor>& outputs);
  void check_shapes(const EmbeddedRows& rows) const;
  void append_names(size_t count, uint8_t ok);
  void add_failure();
  void append_failure();
  void append_text(size_t number, const std::string& text);

  std::string path_, identity_;
  const std::vector<QuerySource>& sources_;
  std::vector<std::string> class_names_;
  std::unique_ptr<ArrayFile> file_;  // from the first image on: its outputs tell the shapes
  size_t outputs_ = 0;               // arrays before `ok`
  size_t done_ = 0;
  size_t waiting_ = 0;  // failures before the file could be made
  std::chrono::steady_clock::time_point last_commit_{};
};

}  // namespace vicinity
