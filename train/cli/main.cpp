// The only place that catches: every error becomes a message for a person and an exit code for a
// script.
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "core/base/log.h"
#include "core/config/config_tree.h"
#include "train/cli/verbs.h"

namespace {

// libgomp reads its wait policy when it is loaded. Idle threads that spin would take the cores of
// the loader threads, so the program starts itself once more with the policy set, unless the user
// has chosen one.
void set_wait_policy(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  setenv("OMP_WAIT_POLICY", "passive", 1);
  setenv("GOMP_SPINCOUNT", "10000", 1);
  execv("/proc/self/exe", argv);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace vicinity;  // NOLINT: main is not in a namespace
  set_wait_policy(argv);
  try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    remember_command(words);
    return run_command_line(words);
  } catch (const Error& error) {
    log_line(LogLevel::error, error.internal() ? error.what() : error.user_text());
    return static_cast<int>(error.exit_code());
  } catch (const std::bad_alloc&) {
    log_line(LogLevel::error,
             "out of memory; use a smaller train.micro_batch or fewer data.loader_threads");
    return static_cast<int>(ExitCode::device);
  } catch (const std::exception& error) {
    log_line(LogLevel::error, std::string("unexpected: ") + error.what());
    return static_cast<int>(ExitCode::runtime);
  }
}
