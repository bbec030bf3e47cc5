// SIGINT, SIGTERM and SIGUSR1 (sent by SLURM some time before its limit): finish the step, save,
// leave with the right code. A second SIGINT leaves at once.
#pragma once

namespace vicinity {

/// Installs the handlers for its lifetime.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// SIGINT, SIGTERM or SIGUSR1 if one arrived, else 0.
  static int received();
};

}  // namespace vicinity
