#include "core/comm/tcp.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "core/base/text.h"
#include "core/comm/line_socket.h"
#include "core/comm/waiting.h"

namespace vicinity {
namespace {

using Clock = std::chrono::steady_clock;

/// What a rank says first, so that nobody else is taken for one.
struct Hello {
  std::array<char, 8> magic = {'v', 'i', 'c', 'i', 'n', 'i', 't', 'y'};
  int32_t rank = 0, size = 0;
};

class Tcp : public WatchedRanks {
 public:
  Tcp(const Launch& launch, double patience)
      : place_(find_meeting_place()),
        until_(Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(patience * 1000))),
        patience_(patience) {
    rank_ = launch.rank;
    size_ = launch.size;
    if (rank_ == 0) welcome();
    if (rank_ != 0) come();
    open_watch();
  }

  void begin_all_to_all(const char*, const Blocks&, char*, const Blocks&) override {
    VIC_ASSERT(false, "tensors of CPU ranks go by MPI");
  }
  int running() override { return 0; }
  void wait_for_running(int) override {}

  void all_gather(char* data, const Blocks& blocks) override {
    collect("all_gather", data, blocks);
  }

  void broadcast(char* data, size_t bytes, int root) override {
    Blocks blocks(static_cast<size_t>(size_));
    blocks[static_cast<size_t>(root)].bytes = bytes;
    collect("broadcast", data, blocks);
  }

  void barrier() override { wait_for_all("barrier"); }

  void finish() override {
    wait_for_all("end");
    watch_->leave("");
  }

 private:
  std::string place() const {
    return str("MASTER_ADDR:MASTER_PORT = ", place_.address, ":", place_.port);
  }

  // Rank 0 hears who comes until all are there.
  void welcome() {
    int port = place_.port;
    const Socket listener = listen_tcp(/*local=*/false, port);
    peers_.resize(static_cast<size_t>(size_));
    for (int missing = size_ - 1; missing > 0;) {
      Socket guest = accept_tcp(listener);
      if (guest.open()) {
        missing -= let_in(std::move(guest));
      } else {
        VIC_CHECK(CommError, Clock::now() < until_, "of ", size_, " ranks ", join(absent(), ", "),
                  " did not come to ", place(), " within ", patience_,
                  " s: are they running, and does a firewall between the machines let them "
                  "through? train.rank_timeout is how long ranks wait");
        poll_sockets({listener.fd()}, 0.1);
      }
    }
  }

  // Whether it is a rank that was missing.
  bool let_in(Socket guest) {
    Hello hello;
    if (!move_bytes(guest, reinterpret_cast<char*>(&hello), sizeof hello, /*sends=*/false, 2))
      return false;
    if (hello.magic != Hello().magic) return false;
    VIC_CHECK(CommError, hello.size == size_ && hello.rank > 0 && hello.rank < size_, "a rank ",
              hello.rank, " of ", hello.size, " came to ", place(), ", where ", size_,
              " ranks meet: another run uses this port");
    Socket& place = peers_[static_cast<size_t>(hello.rank)];
    VIC_CHECK(CommError, !place.open(), "two processes are rank ", hello.rank);
    place = std::move(guest);
    return true;
  }

  std::vector<std::string> absent() const {
    std::vector<std::string> ranks;
    for (int r = 1; r < size_; ++r)
      if (!peers_[static_cast<size_t>(r)].open()) ranks.push_back(str(r));
    return ranks;
  }

  void come() {
    const std::vector<std::string> addresses = addresses_of(place_.address);
    VIC_CHECK(CommError, !addresses.empty(), "MASTER_ADDR=", place_.address,
              " in the environment is not the name or IPv4 address of a machine");
    Socket hub;
    while (!hub.open()) {
      for (const std::string& address : addresses)
        if (!hub.open()) hub = connect_tcp(address, place_.port, 1);
      VIC_CHECK(CommError, hub.open() || Clock::now() < until_, "rank ", rank_, " found nobody at ",
                place(), " for ", patience_,
                " s: is rank 0 running, and does a firewall between the machines let it through? "
                "train.rank_timeout is how long ranks wait");
      if (!hub.open()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    Hello hello{.rank = rank_, .size = size_};
    VIC_CHECK(CommError,
              move_bytes(hub, reinterpret_cast<char*>(&hello), sizeof hello, /*sends=*/true, 2),
              "who is at ", place(), " does not listen");
    peers_.push_back(std::move(hub));
  }

  // To rank 0, and from there to all.
  void collect(const char* what, char* data, const Blocks& blocks) {
    begin(what);
    for (int r = 1; r < size_; ++r) {
      const Block& block = blocks[static_cast<size_t>(r)];
      if (rank_ == 0) move(r, data + block.offset, block.bytes, /*sends=*/false);
      if (rank_ == r) move(0, data + block.offset, block.bytes, /*sends=*/true);
    }
    for (int r = 1; r < size_; ++r) {
      for (int from = 0; from < size_; ++from) {
        const Block& block = blocks[static_cast<size_t>(from)];
        if (from == r) continue;
        if (rank_ == 0) move(r, data + block.offset, block.bytes, /*sends=*/true);
        if (rank_ == r) move(0, data + block.offset, block.bytes, /*sends=*/false);
      }
    }
    if (watch_) watch_->doing("work after an exchange", step_, false);
  }

  void wait_for_all(const char* what) {
    std::string bytes(static_cast<size_t>(size_), '\0');
    collect(what, bytes.data(),
            consecutive(std::vector<size_t>(static_cast<size_t>(size_), size_t{1})));
  }

  void begin(const char* what) {
    if (!watch_) return;
    watch_->doing(what, step_, true);
    watch_->check();
  }

  void move(int rank, char* data, size_t bytes, bool sends) {
    const Socket& peer = peers_[static_cast<size_t>(rank_ == 0 ? rank : 0)];
    VIC_CHECK(CommError, move_bytes(peer, data, bytes, sends, patience_), "rank ", rank,
              " has left while ranks met at ", place());
  }

  // All of them. False: the other end is gone, or `seconds` are over, while there is no watch; once
  // there is one, it says so.
  bool move_bytes(const Socket& peer, char* data, size_t bytes, bool sends, double seconds) {
    const Clock::time_point begun = Clock::now();
    for (size_t at = 0; at < bytes;) {
      const ssize_t n = sends ? ::send(peer.fd(), data + at, bytes - at, MSG_NOSIGNAL)
                              : ::recv(peer.fd(), data + at, bytes - at, 0);
      if (n > 0) {
        at += static_cast<size_t>(n);
        continue;
      }
      const bool gone = n == 0 || (errno != EAGAIN && errno != EINTR);
      const bool late = Clock::now() - begun > std::chrono::duration<double>(seconds);
      if (watch_) watch_->check(kGrace);
      if (!watch_ && (gone || late)) return false;
      pollfd entry{gone ? -1 : peer.fd(), static_cast<short>(sends ? POLLOUT : POLLIN), 0};
      ::poll(&entry, 1, 10);
    }
    return true;
  }

  MeetingPlace place_;
  Clock::time_point until_;
  double patience_;
  std::vector<Socket> peers_;  // of rank 0: by rank; of the others: rank 0
};

}  // namespace

std::unique_ptr<Communicator> make_tcp(const Launch& launch, double patience) {
  return std::make_unique<Tcp>(launch, patience);
}

}  // namespace vicinity
