#include "train/cli/mpirun.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/base/error.h"
#include "train/cli/verbs.h"

namespace vicinity {
namespace {

// This command without the options that are meant for this process alone.
std::vector<std::string> words_of_ranks(bool again) {
  std::vector<std::string> kept;
  const std::vector<std::string>& words = command_words();
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string name = words[i].substr(0, words[i].find('='));
    if (name == "--ranks" || name == "--gpus" || name == "--max-restarts") {
      if (name == words[i]) ++i;
    } else if (!(again && (name == "--overwrite" || name == "--resume"))) {
      kept.push_back(words[i]);
    }
  }
  if (again) kept.emplace_back("--resume");
  return kept;
}

// On this machine, where a batch system would spread them over those of the job. More ranks than
// cores are welcome, and idle ones leave their core to others. A lost rank is the business of the
// others (core/comm/rank_watch.h): mpirun would end them within a second.
std::vector<std::string> command_of(const RanksWanted& wanted, bool again) {
  std::vector<std::string> all = {"mpirun", "-np", str(wanted.ranks), "--host"};
  all.push_back(str("localhost:", wanted.ranks));
  for (const char* word : {"--bind-to", "none", "--oversubscribe", "--mca", "mpi_yield_when_idle",
                           "1", "--enable-recovery"})
    all.emplace_back(word);
  all.push_back(std::filesystem::read_symlink("/proc/self/exe").string());
  for (const std::string& word : words_of_ranks(again)) all.push_back(word);
  for (const std::string& setting : wanted.settings) all.push_back(setting);
  return all;
}

// In the new process. Its own group: Ctrl-C on a terminal reaches the first process only.
[[noreturn]] void become(std::vector<std::string> command, const sigset_t& signals) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigprocmask(SIG_UNBLOCK, &signals, nullptr);
  if (geteuid() == 0) {  // in a container
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0);
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0);
  }
  const bool list = std::find(command.begin(), command.end(), "-") != command.end();
  const int nothing = list && isatty(STDIN_FILENO) == 0 ? -1 : open("/dev/null", O_RDONLY);
  if (nothing >= 0) dup2(nothing, STDIN_FILENO);  // mpirun gives what comes to rank 0
  std::vector<char*> words;
  for (std::string& word : command) words.push_back(word.data());
  words.push_back(nullptr);
  execvp(words[0], words.data());
  _exit(kNoMpirun);
}

}  // namespace

pid_t start_mpirun(const RanksWanted& wanted, bool again, const sigset_t& blocked) {
  const std::vector<std::string> command = command_of(wanted, again);
  const pid_t process = fork();
  VIC_CHECK(DeviceError, process >= 0, "cannot start a process: ", std::strerror(errno));
  if (process == 0) become(command, blocked);
  return process;
}

}  // namespace vicinity
