#include "core/comm/rank_watch.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <vector>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/comm/line_socket.h"

namespace vicinity {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kSilence = 0.8;     // of the time-out
constexpr double kLate = 0.15;       // of it: what is known of a rank is older than its last beats
constexpr double kLeastWork = 0.05;  // of the time, for a process that is not stuck

constexpr const char* kEnded = " has ended: ";

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Rank 0's listener, from open() until its watch begins.
struct Listener {
  Socket socket;
  std::string token;
};
Listener& listener() {
  static Listener instance;
  return instance;
}

int64_t work_of_process() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  int64_t bytes = 0;
  std::ifstream io("/proc/self/io");
  std::string name;
  for (int64_t value = 0; io >> name >> value;)
    if (name == "rchar:" || name == "wchar:") bytes += value;
  return time.tv_sec * 1000 + time.tv_nsec / 1000000 + bytes / (1 << 16);
}

std::string line_of(const RankActivity& a) {
  return str("at ", a.changes, " ", a.work, " ", a.waiting, " ", a.text);
}

RankActivity activity_of(const std::string& rest) {
  RankActivity a;
  std::istringstream in(rest);
  in >> a.changes >> a.work >> a.waiting;
  in.get();
  std::getline(in, a.text);
  return a;
}

// A line's first word, and what follows it.
std::pair<std::string, std::string> parts_of(const std::string& line) {
  const size_t space = line.find(' ');
  if (space == std::string::npos) return {line, ""};
  return {line.substr(0, space), line.substr(space + 1)};
}

// What is known of another rank.
struct Peer {
  int rank;
  RankActivity last{"starting"};
  Clock::time_point heard = Clock::now(), moved = Clock::now();
  int64_t work_then = 0;
  bool left = false;

  void hear(const RankActivity& now) {
    heard = Clock::now();
    if (now.changes != last.changes || now.waiting) {
      moved = heard;
      work_then = now.work;
    }
    last = now;
  }

  // Why it is lost, if it is.
  std::optional<std::string> judge(double timeout) {
    if (left) return std::nullopt;
    const Clock::time_point now = Clock::now();
    const double limit = kSilence * timeout;
    const double silent = seconds_between(heard, now);
    if (silent > limit) {
      return str("rank ", rank, " has given no sign of life for ", format_fixed(silent, 1),
                 " s (stopped, or its machine is); it was at: ", last.text);
    }
    const double still = seconds_between(moved, now);
    if (still <= limit || silent > kLate * timeout) return std::nullopt;
    if (static_cast<double>(last.work - work_then) > kLeastWork * still * 1000) {
      moved = now;  // a long computation
      work_then = last.work;
      return std::nullopt;
    }
    return str("rank ", rank, " is stuck: nothing new for ", format_fixed(still, 1),
               " s; it is at: ", last.text);
  }
  std::string gone() const {
    return str("rank ", rank, " is gone, its process has ended; it was at: ", last.text);
  }
};

}  // namespace

// One end of the channel.
class RankWatch::Side {
 public:
  virtual ~Side() = default;
  virtual std::vector<int> fds() const = 0;
  /// Tells the other end what this rank is at.
  virtual void beat(const RankActivity& own) = 0;
  /// Hears what came, and says whether somebody is lost.
  virtual std::optional<std::string> look(double timeout) = 0;
  virtual void send(const std::string& line) = 0;
  /// All count from now: this process has slept.
  virtual void forgive() = 0;
};

// Of rank 0.
class RankWatch::Hub : public Side {
 public:
  explicit Hub(int size) : listener_(std::move(listener())), self_{0} {
    for (int r = 1; r < size; ++r) peers_.emplace(r, Spoken{Peer{r}, LineSocket(Socket())});
  }

  std::vector<int> fds() const override {
    std::vector<int> all = {listener_.socket.fd()};
    for (const LineSocket& guest : guests_) all.push_back(guest.fd());
    for (const auto& [rank, spoken] : peers_) all.push_back(spoken.line.fd());
    return all;
  }

  void beat(const RankActivity& own) override {
    self_.hear(own);
    send(line_of(own));
  }

  std::optional<std::string> look(double timeout) override {
    welcome();
    for (auto& [rank, spoken] : peers_) {
      spoken.hear(spoken.line.receive());
      if (spoken.failure) return str("rank ", rank, kEnded, *spoken.failure);
      if (spoken.met && !spoken.line.open() && !spoken.peer.left) return spoken.peer.gone();
      if (auto lost = spoken.peer.judge(timeout)) return lost;
    }
    return self_.judge(timeout);
  }

  void send(const std::string& line) override {
    for (auto& [rank, spoken] : peers_)
      if (spoken.line.open()) spoken.line.send(line);
  }

  void forgive() override {
    for (auto& [rank, spoken] : peers_) spoken.peer.heard = spoken.peer.moved = Clock::now();
    self_.heard = self_.moved = Clock::now();
  }

 private:
  struct Spoken {
    Peer peer;
    LineSocket line;
    bool met = false;
    std::optional<std::string> failure = {};

    void hear(const std::vector<std::string>& lines) {
      for (const std::string& text : lines) {
        const auto [word, rest] = parts_of(text);
        if (word == "hello") met = true;
        if (word == "at") peer.hear(activity_of(rest));
        if (word == "failed") failure = rest;
        if (word == "bye" || word == "failed") peer.left = true;
      }
    }
  };

  // Those who know the token and their number become peers.
  void welcome() {
    for (Socket s = accept_tcp(listener_.socket); s.open(); s = accept_tcp(listener_.socket))
      guests_.emplace_back(std::move(s));
    for (LineSocket& guest : guests_) {
      const std::vector<std::string> lines = guest.receive();
      if (lines.empty()) continue;
      int rank = 0;
      std::string word, token;
      std::istringstream(lines[0]) >> word >> token >> rank;
      const auto found = peers_.find(rank);
      if (word != "hello" || token != listener_.token || found == peers_.end()) {
        guest.close();
        continue;
      }
      found->second.line = std::move(guest);
      found->second.hear(lines);
    }
    guests_.erase(std::remove_if(guests_.begin(), guests_.end(),
                                 [](const LineSocket& guest) { return !guest.open(); }),
                  guests_.end());
  }

  Listener listener_;
  Peer self_;
  std::map<int, Spoken> peers_;
  std::vector<LineSocket> guests_;
};

// Of every other rank.
class RankWatch::Spoke : public Side {
 public:
  Spoke(int rank, const std::string& meeting) : hub_{0}, line_(Socket()) {
    std::istringstream in(meeting);
    std::string token, address, tried;
    int port = 0;
    in >> token >> port;
    while (!line_.open() && in >> address) {
      line_ = LineSocket(connect_tcp(address, port, 3));
      tried += " " + address;
    }
    VIC_CHECK(CommError, line_.open(), "rank ", rank, " cannot reach rank 0 by TCP on port ", port,
              " of", tried, "; a firewall between the machines?");
    line_.send(str("hello ", token, " ", rank));
  }

  std::vector<int> fds() const override { return {line_.fd()}; }
  void beat(const RankActivity& own) override { send(line_of(own)); }
  void send(const std::string& line) override {
    if (line_.open()) line_.send(line);
  }
  void forgive() override { hub_.heard = hub_.moved = Clock::now(); }

  std::optional<std::string> look(double timeout) override {
    const bool was_open = line_.open();
    for (const std::string& line : line_.receive()) {
      const auto [word, rest] = parts_of(line);
      if (word == "at") hub_.hear(activity_of(rest));
      if (word == "bye") hub_.left = true;
      if (word == "lost") return rest;
      if (word == "failed") return str("rank 0", kEnded, rest);
    }
    if (was_open && !line_.open() && !hub_.left) return hub_.gone();
    return hub_.judge(timeout);
  }

 private:
  Peer hub_;
  LineSocket line_;
};

std::string RankWatch::open(bool local) {
  int port = 0;
  listener().socket = listen_tcp(local, port);
  std::random_device random;
  listener().token = str(random(), "-", random());
  const std::vector<std::string> addresses =
      local ? std::vector<std::string>{"127.0.0.1"} : own_addresses();
  return str(listener().token, " ", port, " ", join(addresses, " "));
}

RankWatch::RankWatch(int rank, int size, const std::string& meeting)
    : rank_(rank), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (rank == 0) side_ = std::make_unique<Hub>(size);
  if (rank != 0) side_ = std::make_unique<Spoke>(rank, meeting);
  thread_ = std::thread([this] { run(*side_); });
}

RankWatch::~RankWatch() {
  leave("it left without a word");
  ::close(wake_);
}

void RankWatch::doing(const char* what, int64_t step, bool waiting) {
  what_ = what;
  step_ = step;
  waiting_ = waiting;
  ++changes_;
}

RankActivity RankWatch::activity() const {
  RankActivity a;
  const int64_t step = step_;
  a.text = step < 0 ? str(what_.load()) : str(what_.load(), " of step ", step);
  a.changes = changes_;
  a.waiting = waiting_;
  a.work = work_of_process();
  return a;
}

void RankWatch::check(double grace) const {
  if (!lost_) return;
  const std::lock_guard lock(mutex_);
  if (lost_one_ended_ && seconds_between(lost_at_, Clock::now()) < grace) return;
  VIC_FAIL(CommError, lost_text_);
}

void RankWatch::set_timeout(double seconds) {
  timeout_ = seconds;
  wake();
}

void RankWatch::wake() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_, &one, sizeof one);
}

void RankWatch::leave(const std::string& why) {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    farewell_ = why.empty() ? "bye" : "failed " + why;
  }
  leaving_ = true;
  wake();
  thread_.join();
}

void RankWatch::lose(const std::string& text, bool ended) {
  const std::lock_guard lock(mutex_);
  lost_one_ended_ = ended;
  lost_text_ = text;
  lost_at_ = Clock::now();
  lost_ = true;
}

// The computing thread may never come to a check().
void RankWatch::end_if_overdue() {
  const double left = (1 - kSilence) * timeout_;
  if (!lost_ || seconds_between(lost_at_, Clock::now()) < left) return;
  log_line(LogLevel::error,
           str(lost_text_, "\n  This rank was at: ", activity().text, ", and is ended"));
  ::_exit(static_cast<int>(ExitCode::rank_lost));
}

void RankWatch::run(Side& side) {
  Clock::time_point last_turn = Clock::now(), last_beat = {};
  for (;;) {
    const double beat = std::clamp(timeout_ / 20, 0.05, 0.25);
    std::vector<int> fds = side.fds();
    fds.push_back(wake_);
    poll_sockets(fds, beat);
    uint64_t wakes = 0;
    [[maybe_unused]] const ssize_t n = ::read(wake_, &wakes, sizeof wakes);
    const Clock::time_point now = Clock::now();
    if (seconds_between(last_turn, now) > beat + kSilence * timeout_ / 2) side.forgive();
    last_turn = now;
    if (seconds_between(last_beat, now) >= beat) {
      side.beat(activity());
      last_beat = now;
    }
    if (!lost_) {
      if (const std::optional<std::string> text = side.look(timeout_)) {
        if (rank_ == 0) side.send("lost " + *text);
        lose(*text, text->find(kEnded) != std::string::npos);
      }
    }
    if (leaving_) {
      side.beat(activity());
      const std::lock_guard lock(mutex_);
      return side.send(farewell_);
    }
    end_if_overdue();
  }
}

}  // namespace vicinity
