// The end of the side channel of every rank but the first: it hears rank 0 alone.
#include <sstream>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/comm/line_socket.h"
#include "core/comm/watch_side.h"

namespace vicinity {
namespace {

class Spoke : public WatchSide {
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
  void forgive() override { hub_.forgive(); }

  std::optional<std::string> look(double timeout) override {
    const bool was_open = line_.open();
    for (const std::string& line : line_.receive()) {
      const auto [word, rest] = parts_of(line);
      if (word == "at") hub_.hear(activity_of(rest));
      if (word == "bye") hub_.leave();
      if (word == "lost") return rest;
      if (word == "failed") return str("rank 0", kEnded, rest);
    }
    if (was_open && !line_.open() && !hub_.left()) return hub_.gone();
    return hub_.judge(timeout);
  }

 private:
  WatchPeer hub_;
  LineSocket line_;
};

}  // namespace

std::unique_ptr<WatchSide> make_spoke(int rank, const std::string& meeting) {
  return std::make_unique<Spoke>(rank, meeting);
}

}  // namespace vicinity
