#include "train/cli/list_progress.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/runtime/profile.h"

namespace vicinity {
namespace {

constexpr double kSecondsBetweenLines = 30;

}  // namespace

void ListProgress::show(size_t done) {
  const double seconds = seconds_since(start_);
  if (seconds < 1 || done == total_) return;
  const double rate = static_cast<double>(done - before_) / seconds;
  const std::string line =
      str(done, " of ", total_, " images, ", format_fixed(rate, 1), " img/s, eta ",
          format_seconds(static_cast<double>(total_ - done) / rate));
  log_progress(line);
  if (seconds_since(last_line_) < kSecondsBetweenLines) return;
  log_info(line);
  last_line_ = std::chrono::steady_clock::now();
}

}  // namespace vicinity
