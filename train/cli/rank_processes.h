// What Linux says of the processes that mpirun has started.
#pragma once

#include <sys/types.h>

#include <vector>

namespace vicinity {

std::vector<pid_t> children_of(pid_t process);
/// -1: not known, or the process has not become a rank yet.
int rank_of(pid_t process);
/// Whether it stands still, after SIGSTOP for example.
bool is_stopped(pid_t process);

}  // namespace vicinity
