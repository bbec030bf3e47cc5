#include "core/base/log.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>

namespace vicinity {
namespace {

struct Sink {
  std::mutex mutex;
  std::FILE* file = nullptr;
  int rank = 0;
  bool to_stderr = true;
  bool progress_shown = false;
};

Sink& sink() {
  static Sink instance;
  return instance;
}

// Longer lines would go on in the next row, where nothing erases them.
size_t columns_of_terminal() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col - 1 : 79;
}

void erase_progress(Sink& s) {
  if (!s.progress_shown) return;
  std::fputs("\r\033[K", stderr);
  s.progress_shown = false;
}

}  // namespace

void log_line(LogLevel level, const std::string& text) {
  Sink& s = sink();
  const std::lock_guard lock(s.mutex);
  if (s.rank != 0 && level == LogLevel::info) return;
  std::string line;
  if (s.rank != 0) line += str("[rank ", s.rank, "] ");
  if (level == LogLevel::warning) line += "warning: ";
  if (level == LogLevel::error) line += "error: ";
  line += text;
  line += '\n';
  if (s.to_stderr) {
    erase_progress(s);
    std::fputs(line.c_str(), stderr);
  }
  if (s.file != nullptr) {
    std::fputs(line.c_str(), s.file);
    std::fflush(s.file);
  }
}

void log_to_file(const std::string& path) {
  Sink& s = sink();
  const std::lock_guard lock(s.mutex);
  if (s.file != nullptr) std::fclose(s.file);
  s.file = nullptr;
  if (path.empty()) return;
  s.file = std::fopen(path.c_str(), "a");
  VIC_CHECK(IoError, s.file != nullptr, "cannot write the log '", path,
            "': ", std::strerror(errno));
}

void log_as_rank(int rank) { sink().rank = rank; }

void log_to_stderr(bool enabled) { sink().to_stderr = enabled; }

bool log_is_terminal() { return isatty(STDERR_FILENO) == 1; }

void log_progress(const std::string& text) {
  static const bool terminal = log_is_terminal();
  Sink& s = sink();
  const std::lock_guard lock(s.mutex);
  if (!terminal || !s.to_stderr || s.rank != 0) return;
  erase_progress(s);
  if (text.empty()) return;
  std::fputs(text.substr(0, columns_of_terminal()).c_str(), stderr);
  std::fflush(stderr);
  s.progress_shown = true;
}

}  // namespace vicinity
