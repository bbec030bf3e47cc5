// The mpirun that starts the ranks of a command on this machine.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

namespace vicinity {

/// How many ranks a command is to start, and what they are told besides its own words.
struct RanksWanted {
  int64_t ranks = 1;
  std::vector<std::string> settings;
};

/// Code of a process that found no mpirun to become.
inline constexpr int kNoMpirun = 127;

/// A process that becomes mpirun, of which each rank is this command, without the options about
/// ranks. `again`: resumed. `blocked`: signals that this process has blocked, which the ranks do
/// not. DeviceError where there can be no process.
pid_t start_mpirun(const RanksWanted& wanted, bool again, const sigset_t& blocked);

}  // namespace vicinity
