#include "train/cli/start_ranks.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/comm/launch.h"
#include "core/ops/transfer.h"
#include "core/runtime/on_device.h"
#include "train/cli/rank_codes.h"
#include "train/cli/rank_processes.h"
#include "train/run_config.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

constexpr int kNotStarted = 127, kLost = static_cast<int>(ExitCode::rank_lost);
constexpr int kTurnsWithFew = 100;  // mpirun starts its ranks in one go

using Clock = std::chrono::steady_clock;

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
  all.push_back(fs::read_symlink("/proc/self/exe").string());
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
  _exit(kNotStarted);
}

// One start of all ranks.
class Ranks {
 public:
  Ranks(RanksWanted wanted, double timeout, RankCodes& codes)
      : ranks_(wanted.ranks), wanted_(std::move(wanted)), timeout_(timeout), codes_(codes) {
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGCHLD}) sigaddset(&signals_, signal);
    sigprocmask(SIG_BLOCK, &signals_, nullptr);
  }
  ~Ranks() { sigprocmask(SIG_UNBLOCK, &signals_, nullptr); }
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  /// The exit code of the run.
  int run(bool again) {
    codes_.clear();
    seen_.clear();
    stopped_.clear();
    told_ = false;
    const std::vector<std::string> command = command_of(wanted_, again);
    mpirun_ = fork();
    VIC_CHECK(DeviceError, mpirun_ >= 0, "cannot start a process: ", std::strerror(errno));
    if (mpirun_ == 0) become(command, signals_);
    int status = 0;
    while (waitpid(mpirun_, &status, WNOHANG) == 0) watch();
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    VIC_CHECK(DeviceError, code != kNotStarted,
              "ranks of one machine are started by mpirun, which is not in PATH or does not start "
              "(Debian: openmpi-bin)");
    return code_of_run(code);
  }
  /// The last signal that was passed on, or 0.
  int passed_on() const { return passed_on_; }

 private:
  // Some time of waiting, in which signals go to the ranks themselves.
  void watch() {
    const bool met = static_cast<int64_t>(codes_.met().size()) == ranks_;
    const timespec pause{.tv_sec = 0, .tv_nsec = met ? 200'000'000 : 20'000'000};
    const int signal = sigtimedwait(&signals_, nullptr, &pause);
    if (signal > 0 && signal != SIGCHLD) pending_ = passed_on_ = signal;
    const std::vector<pid_t> ranks = children_of(mpirun_);
    for (const pid_t rank : ranks)
      if (pending_ != 0) kill(rank, pending_);
    if (!ranks.empty()) pending_ = 0;
    note(ranks);
    const std::vector<int> gone = gone_of(ranks);
    const std::optional<int> silent = silent_of(gone);
    if (failed() || silent) end_stopped(ranks);
    if (!gone.empty()) end_if_unwatched(ranks, silent);
    // One may come and go between two looks.
    const bool few = !met && !ranks.empty() && static_cast<int64_t>(ranks.size()) < ranks_;
    turns_with_few_ = few ? turns_with_few_ + 1 : 0;
    if (turns_with_few_ > kTurnsWithFew) end_if_unwatched(ranks, silent_of(absent(ranks)));
    if (!met) end_if_one_is_stopped(ranks);
  }

  void note(const std::vector<pid_t>& processes) {
    for (const pid_t process : processes)
      if (seen_.count(process) == 0)
        if (const int rank = rank_of(process); rank >= 0) seen_[process] = rank;
  }

  std::vector<int> gone_of(const std::vector<pid_t>& processes) const {
    std::vector<int> gone;
    for (const auto& [process, rank] : seen_)
      if (std::find(processes.begin(), processes.end(), process) == processes.end())
        gone.push_back(rank);
    return gone;
  }

  std::vector<int> absent(const std::vector<pid_t>& processes) const {
    std::vector<int> all;
    for (int rank = 0; rank < ranks_; ++rank)
      if (std::none_of(processes.begin(), processes.end(),
                       [&](pid_t process) { return rank_of(process) == rank; }))
        all.push_back(rank);
    return all;
  }

  // One that did not tell its code: killed, or ended by its watch.
  std::optional<int> silent_of(const std::vector<int>& gone) const {
    const std::map<int, int> codes = codes_.read();
    for (const int rank : gone)
      if (codes.count(rank) == 0) return rank;
    return std::nullopt;
  }

  // Until ranks have met they do not watch each other, and MPI_Init waits for a lost one for ever.
  void end_if_unwatched(const std::vector<pid_t>& processes, std::optional<int> silent) {
    if (static_cast<int64_t>(codes_.met().size()) == ranks_) return;
    if (silent && passed_on_ == 0 && !std::exchange(told_, true))
      log_line(LogLevel::error, str("rank ", *silent,
                                    " is gone, its process has ended; it was at: the start, where "
                                    "ranks meet"));
    for (const pid_t process : processes) kill(process, SIGKILL);
  }

  // As the watch does, once ranks have met.
  void end_if_one_is_stopped(const std::vector<pid_t>& processes) {
    const Clock::time_point now = Clock::now();
    for (const pid_t process : processes) {
      if (!is_stopped(process)) {
        stopped_.erase(process);
        continue;
      }
      const auto since = stopped_.emplace(process, now).first->second;
      const double seconds = std::chrono::duration<double>(now - since).count();
      if (seconds < timeout_ || std::exchange(told_, true)) continue;
      log_line(LogLevel::error,
               str("rank ", rank_of(process), " has been stopped for ", format_fixed(seconds, 1),
                   " s; it was at: the start, where ranks meet"));
      for (const pid_t each : processes) kill(each, SIGKILL);
    }
  }

  bool failed() const {
    for (const auto& [rank, code] : codes_.read())
      if (code != 0) return true;
    return false;
  }

  // The others have given it up, and mpirun would wait for it.
  static void end_stopped(const std::vector<pid_t>& ranks) {
    for (const pid_t rank : ranks)
      if (is_stopped(rank)) kill(rank, SIGKILL);
  }

  // What is not the loss of another rank says why the run has ended.
  int code_of_run(int code_of_mpirun) const {
    const std::map<int, int> codes = codes_.read();
    int worst = 0;
    for (const auto& [rank, code] : codes) {
      if (code != 0 && code != kLost) return code;
      worst = std::max(worst, code);
    }
    const bool all = static_cast<int64_t>(codes.size()) == ranks_;
    if (!all && passed_on_ != 0) return 128 + passed_on_;
    if (codes.empty() && code_of_mpirun != 0) return code_of_mpirun;
    if (!all && !codes.empty() && worst == 0) tell_of_the_silent(codes);
    return all ? worst : kLost;
  }

  // The others had finished, and watched it no more.
  void tell_of_the_silent(const std::map<int, int>& codes) const {
    for (int rank = 0; rank < ranks_; ++rank)
      if (codes.count(rank) == 0)
        log_line(LogLevel::error,
                 str("rank ", rank, " is gone, its process has ended; it was at: the end"));
  }

  int64_t ranks_;
  RanksWanted wanted_;
  double timeout_;  // seconds
  RankCodes& codes_;
  sigset_t signals_;
  pid_t mpirun_ = 0;
  int pending_ = 0, passed_on_ = 0;
  std::map<pid_t, int> seen_;                   // processes so far, with their ranks
  std::map<pid_t, Clock::time_point> stopped_;  // since when
  int turns_with_few_ = 0;
  bool told_ = false;
};

// When the run there was begun or last given other settings; nothing where there is none.
std::optional<fs::file_time_type> begun_at(const std::string& run) {
  std::error_code none;
  const fs::file_time_type time = fs::last_write_time(run + "/config.yaml", none);
  return none ? std::nullopt : std::optional(time);
}

// What the command says; a configuration file is read by the ranks alone.
double timeout_of(const Arguments& arguments) {
  const std::string key = "train.rank_timeout=";
  double timeout = TrainConfig{}.rank_timeout;
  for (const std::string& word : arguments.overrides)
    if (word.rfind(key, 0) == 0)
      if (const double seconds = std::atof(word.c_str() + key.size()); seconds > 0)
        timeout = seconds;
  return timeout;
}

}  // namespace

RanksWanted ranks_wanted(const Arguments& arguments) {
  const bool gpus = arguments.has("--gpus");
  VIC_CHECK(UsageError, !gpus || !arguments.has("--ranks"),
            "--gpus N starts a rank on each of N GPUs, --ranks N any ranks: choose one");
  VIC_CHECK(UsageError, gpus || arguments.has("--ranks") || !arguments.has("--max-restarts"),
            "--max-restarts goes with --ranks N or --gpus N");
  if (!gpus) return {.ranks = arguments.number("--ranks", 1, 1)};
  const std::string why = why_no_cuda();
  VIC_CHECK(DeviceError, why.empty(), "--gpus: ", why);
  int64_t devices = 0;
  if constexpr (kCudaBuilt) devices = cuda_api::device_count();
  const int64_t ranks =
      arguments.get("--gpus") == "all" ? devices : arguments.number("--gpus", 1, 1);
  VIC_CHECK(DeviceError, ranks <= devices, "--gpus ", ranks, ": this process sees ", devices,
            devices == 1 ? " GPU" : " GPUs", " (CUDA_VISIBLE_DEVICES hides the others?)");
  return {ranks, {"device=cuda"}};
}

int start_ranks(const Arguments& arguments, const RanksWanted& wanted) {
  const Launch launch = find_launch();
  VIC_CHECK(UsageError, launch.by.empty(), wanted.settings.empty() ? "--ranks" : "--gpus",
            " starts ranks itself; this process was started by ", launch.by, ", so leave it out");
  const int64_t restarts = arguments.number("--max-restarts", 0, 0);
  VIC_CHECK(UsageError, restarts == 0 || arguments.has("--out"),
            "--max-restarts resumes a run: it needs --out RUN");
  RankCodes codes;
  Ranks ranks(wanted, timeout_of(arguments), codes);
  // Ranks that were lost before they took the folder have left another run there, perhaps.
  const auto before = begun_at(arguments.get("--out"));
  int code = ranks.run(false);
  for (int64_t i = 1; i <= restarts && code == kLost && ranks.passed_on() == 0; ++i) {
    const bool begun = begun_at(arguments.get("--out")) != before;
    log_warning("a rank was lost; the run is ", begun ? "resumed" : "begun again", ", restart ", i,
                " of ", restarts);
    code = ranks.run(begun);
  }
  return code;
}

}  // namespace vicinity
