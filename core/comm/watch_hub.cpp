// Rank 0's end of the side channel: it hears all others and tells all who is lost.
#include <algorithm>
#include <map>
#include <random>
#include <sstream>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/comm/line_socket.h"
#include "core/comm/watch_side.h"

namespace vicinity {
namespace {

// Rank 0's listener, from open_watch() until its watch begins.
struct Listener {
  Socket socket;
  std::string token;
};
Listener& listener() {
  static Listener instance;
  return instance;
}

class Hub : public WatchSide {
 public:
  explicit Hub(int size) : listener_(std::move(listener())), self_{0} {
    for (int r = 1; r < size; ++r) peers_.emplace(r, Spoken{WatchPeer(r), LineSocket(Socket())});
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
      if (spoken.met && !spoken.line.open() && !spoken.peer.left()) return spoken.peer.gone();
      if (auto lost = spoken.peer.judge(timeout)) return lost;
    }
    if (auto lost = self_.judge(timeout)) return lost;
    return standstill(kStandstill * timeout);
  }

  void send(const std::string& line) override {
    for (auto& [rank, spoken] : peers_)
      if (spoken.line.open()) spoken.line.send(line);
  }

  void forgive() override {
    for (auto& [rank, spoken] : peers_) spoken.peer.forgive();
    self_.forgive();
  }

 private:
  struct Spoken {
    WatchPeer peer;
    LineSocket line;
    bool met = false;
    std::optional<std::string> failure = {};

    void hear(const std::vector<std::string>& lines) {
      for (const std::string& text : lines) {
        const auto [word, rest] = parts_of(text);
        if (word == "hello") met = true;
        if (word == "at") peer.hear(activity_of(rest));
        if (word == "failed") failure = rest;
        if (word == "bye" || word == "failed") peer.leave();
      }
    }
  };

  // No rank is to blame where all wait for each other: the watch gets through, and messages do not.
  std::optional<std::string> standstill(double limit) const {
    double least = self_.waited();
    std::string other;
    for (const auto& [rank, spoken] : peers_) {
      if (spoken.peer.left()) continue;
      least = std::min(least, spoken.peer.waited());
      if (other.empty() && spoken.peer.at() != self_.at())
        other = str(", rank ", rank, " at: ", spoken.peer.at());
    }
    if (least <= limit) return std::nullopt;
    return str("all ranks have waited for each other for ", format_fixed(least, 1),
               " s, rank 0 at: ", self_.at(), other,
               "; a firewall or a network that holds up their messages? Under mpirun "
               "--mca btl_tcp_if_include NETWORK chooses one");
  }

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
  WatchPeer self_;
  std::map<int, Spoken> peers_;
  std::vector<LineSocket> guests_;
};

}  // namespace

std::string open_watch(bool local) {
  int port = 0;
  listener().socket = listen_tcp(local, port);
  std::random_device random;
  listener().token = str(random(), "-", random());
  const std::vector<std::string> addresses =
      local ? std::vector<std::string>{"127.0.0.1"} : own_addresses();
  return str(listener().token, " ", port, " ", join(addresses, " "));
}

std::unique_ptr<WatchSide> make_hub(int size) { return std::make_unique<Hub>(size); }

}  // namespace vicinity
