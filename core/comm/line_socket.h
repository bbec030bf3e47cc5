// Lines of text over TCP, without waiting.
#pragma once

#include <string>
#include <vector>

namespace vicinity {

/// Owns a file descriptor.
class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  ~Socket();
  Socket(Socket&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Socket& operator=(Socket&& other) noexcept;
  int fd() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void close();

 private:
  int fd_;
};

/// A connection: what was received as whole lines. A line may hold any text; its own line ends are
/// carried as another byte.
class LineSocket {
 public:
  explicit LineSocket(Socket socket) : socket_(std::move(socket)) {}
  int fd() const { return socket_.fd(); }
  bool open() const { return socket_.open(); }
  void close() { socket_.close(); }
  /// Sends a line as far as the system takes it, within a second; false if the other end is gone.
  bool send(const std::string& line);
  /// The lines that have come since. Closed when the other end is.
  std::vector<std::string> receive();

 private:
  Socket socket_;
  std::string pending_;
};

/// Listens on this port, or where it is 0 on a free one, which it becomes; of this machine alone
/// (`local`) or of every IPv4 address. CommError if the system refuses.
Socket listen_tcp(bool local, int& port);
/// The IPv4 addresses of a machine, by name or address; none where there is no such machine.
std::vector<std::string> addresses_of(const std::string& name);
/// The IPv4 addresses of this machine that others may reach, and 127.0.0.1 last.
std::vector<std::string> own_addresses();
/// Waits at most `seconds`; not open if nobody answers.
Socket connect_tcp(const std::string& address, int port, double seconds);
/// The next connection, or none.
Socket accept_tcp(const Socket& listener);
/// Waits until one of them has something to say, at most so long.
void poll_sockets(const std::vector<int>& fds, double seconds);

}  // namespace vicinity
