#include "core/comm/line_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/error.h"

namespace vicinity {
namespace {

constexpr char kInnerEnd = '\x01';  // stands for a line end within a line
constexpr size_t kLongest = 1 << 16;

sockaddr_in address_of(in_addr_t host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = host;
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

int new_socket() { return ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

bool wait_for(int fd, short what, double seconds) {
  pollfd entry{fd, what, 0};
  return ::poll(&entry, 1, static_cast<int>(seconds * 1000)) > 0;
}

}  // namespace

Socket::~Socket() { close(); }

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

void Socket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool LineSocket::send(const std::string& line) {
  std::string text = line.substr(0, kLongest);
  std::replace(text.begin(), text.end(), '\n', kInnerEnd);
  text += '\n';
  for (size_t sent = 0; open() && sent < text.size();) {
    const ssize_t n = ::send(fd(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n > 0) sent += static_cast<size_t>(n);
    const bool full = n < 0 && (errno == EAGAIN || errno == EINTR);
    if (n < 0 && !(full && wait_for(fd(), POLLOUT, 1))) return false;
  }
  return open();
}

std::vector<std::string> LineSocket::receive() {
  std::array<char, 4096> part;
  while (open()) {
    const ssize_t n = ::recv(fd(), part.data(), part.size(), 0);
    if (n > 0) pending_.append(part.data(), static_cast<size_t>(n));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0 || pending_.size() > 2 * kLongest) close();
  }
  std::vector<std::string> lines;
  for (size_t end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
    std::string line = pending_.substr(0, end);
    pending_.erase(0, end + 1);
    std::replace(line.begin(), line.end(), kInnerEnd, '\n');
    lines.push_back(std::move(line));
  }
  return lines;
}

Socket listen_tcp(bool local, int& port) {
  Socket listener(new_socket());
  sockaddr_in address = address_of(htonl(local ? INADDR_LOOPBACK : INADDR_ANY), port);
  socklen_t size = sizeof address;
  const int on = 1;  // a port whose last connections the system still remembers
  ::setsockopt(listener.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool listens =
      listener.open() &&
      ::bind(listener.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      ::listen(listener.fd(), 1024) == 0 &&
      ::getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&address), &size) == 0;
  VIC_CHECK(CommError, listens, "rank 0 cannot listen on ",
            port == 0 ? str("a TCP port") : str("TCP port ", port), ": ", std::strerror(errno),
            port == 0 ? "" : "; another program has it? MASTER_PORT chooses another");
  port = ntohs(address.sin_port);
  return listener;
}

std::vector<std::string> addresses_of(const std::string& name) {
  addrinfo wanted{}, *first = nullptr;
  wanted.ai_family = AF_INET;
  wanted.ai_socktype = SOCK_STREAM;
  std::vector<std::string> addresses;
  if (::getaddrinfo(name.c_str(), nullptr, &wanted, &first) != 0) return addresses;
  for (const addrinfo* i = first; i != nullptr; i = i->ai_next) {
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* address = reinterpret_cast<const sockaddr_in*>(i->ai_addr);
    if (::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size()) != nullptr)
      addresses.emplace_back(text.data());
  }
  ::freeaddrinfo(first);
  return addresses;
}

std::vector<std::string> own_addresses() {
  std::vector<std::string> addresses;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) == 0) {
    for (const ifaddrs* i = first; i != nullptr; i = i->ifa_next) {
      const bool usable = i->ifa_addr != nullptr && i->ifa_addr->sa_family == AF_INET &&
                          (i->ifa_flags & IFF_UP) != 0 && (i->ifa_flags & IFF_LOOPBACK) == 0;
      if (!usable) continue;
      std::array<char, INET_ADDRSTRLEN> text{};
      const auto* address = reinterpret_cast<const sockaddr_in*>(i->ifa_addr);
      if (::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size()) != nullptr)
        addresses.emplace_back(text.data());
    }
    ::freeifaddrs(first);
  }
  addresses.emplace_back("127.0.0.1");
  return addresses;
}

Socket connect_tcp(const std::string& address, int port, double seconds) {
  Socket socket(new_socket());
  in_addr host{};
  if (!socket.open() || ::inet_pton(AF_INET, address.c_str(), &host) != 1) return Socket();
  const sockaddr_in to = address_of(host.s_addr, port);
  if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
      (errno != EINPROGRESS || !wait_for(socket.fd(), POLLOUT, seconds)))
    return Socket();
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return Socket();
  const int on = 1;
  ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

Socket accept_tcp(const Socket& listener) {
  return Socket(::accept4(listener.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

void poll_sockets(const std::vector<int>& fds, double seconds) {
  std::vector<pollfd> entries;
  for (const int fd : fds)
    if (fd >= 0) entries.push_back({fd, POLLIN, 0});
  ::poll(entries.data(), entries.size(), static_cast<int>(seconds * 1000));
}

}  // namespace vicinity
