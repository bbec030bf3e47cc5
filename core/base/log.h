// Log lines for people: stderr and, once a run directory exists, its train.log. Rank 0 speaks.
#pragma once

#include <string>

#include "core/base/error.h"

namespace vicinity {

enum class LogLevel { info, warning, error };

/// Writes one line, whole, whatever thread it comes from.
void log_line(LogLevel level, const std::string& text);

template <class... Parts>
void log_info(const Parts&... parts) {
  log_line(LogLevel::info, str(parts...));
}
template <class... Parts>
void log_warning(const Parts&... parts) {
  log_line(LogLevel::warning, str(parts...));
}

/// Also appends every later line to this file (train.log); an empty path ends that. IoError if it
/// cannot be opened.
void log_to_file(const std::string& path);
/// Ranks other than 0 are silent but for warnings and errors, which they prefix with their number.
void log_as_rank(int rank);
/// Tests and `--json` verbs keep stderr clean with this.
void log_to_stderr(bool enabled);

/// Draws a status line over the last one, on a terminal only (elsewhere nothing happens), cut to
/// its width. Empty text erases it.
void log_progress(const std::string& text);
/// True if stderr is a terminal.
bool log_is_terminal();

}  // namespace vicinity
