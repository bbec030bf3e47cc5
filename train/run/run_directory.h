// The folder of a run: config.yaml, command.txt, classes.json, train.log, metrics.jsonl,
// timing.jsonl, summary.csv, events.out.tfevents.*, eval/, checkpoints/, DONE.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/files.h"

namespace vicinity {

/// observe: of a rank other than the first, which writes nothing.
enum class OpenMode { fresh, overwrite, resume, observe };

/// The command that goes on with a run, to be pasted into a shell.
std::string resume_command(const std::string& run);

class RunDirectory {
 public:
  /// fresh: UsageError if `path` exists and is not empty, but for a run that took no step, whose
  /// place it takes. overwrite: what a run left there is set aside, and comes back unless the new
  /// one has started(). resume: a run must be there. UsageError while another process writes there.
  RunDirectory(std::string path, OpenMode mode);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  /// Nothing was refused: what the run replaces is removed for good.
  void started();

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  /// Whether a run was begun there.
  static bool holds_run(const std::string& path);
  void write_config(const std::string& yaml) const;
  void write_command(const std::vector<std::string>& words) const;
  /// Class names in label order. DataError if a resumed run has other classes, naming the first
  /// difference.
  void write_classes(const std::vector<std::string>& names) const;

  /// DONE, whose text is the result, says that the run has come to its end.
  void write_done(const std::string& text) const;
  void remove_done() const;
  std::optional<std::string> done_text() const;

 private:
  std::string aside() const { return path_ + "/.replaced"; }
  void replace(OpenMode mode);
  void put_back() const;
  void lock();

  std::string path_;
  bool writes_, may_come_back_ = false;
  std::unique_ptr<DirectoryLock> lock_;
};

/// runs/<date>-<time>-<model>, not yet existing.
std::string default_run_path(const std::string& model_name);

}  // namespace vicinity
