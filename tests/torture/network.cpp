#include "tests/torture/network.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace lockstep::torture {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int new_socket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return fd;
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == EINPROGRESS; }

// Gone at once, with a reset for the other end: not a FIN, which says that all was delivered.
void abort_connection(int fd) {
  const linger at_once{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(fd);
}

// One direction of a connection: what was read and could not yet be written.
struct Flow {
  std::string waiting;
  bool ended = false;  // nothing more comes

  // False: the connection is broken.
  bool pass(int from, int to, bool stalled, short from_events, short to_events) {
    if (stalled) return true;
    if (waiting.empty() && !ended && (from_events & (POLLIN | POLLHUP | POLLERR)) != 0) {
      waiting.resize(kPieceBytes);
      const ssize_t count = read(from, waiting.data(), waiting.size());
      waiting.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
      if (count == 0) ended = true;
      if (count < 0 && !would_block()) return false;
      to_events = POLLOUT;
    }
    if (!waiting.empty() && (to_events & (POLLOUT | POLLERR)) != 0) {
      const ssize_t count = send(to, waiting.data(), waiting.size(), MSG_NOSIGNAL);
      if (count < 0) return would_block();
      waiting.erase(0, static_cast<std::size_t>(count));
    }
    return !(ended && waiting.empty());
  }
};

}  // namespace

// A connection through a door: from whoever came in, to the node behind it, and back.
struct Network::Pipe {
  int near = -1;
  int far = -1;
  Flow there;
  Flow back;
};

struct Network::Door {
  std::string from;
  std::string to;
  Channel channel{};
  sockaddr_in target{};
  int listener = -1;
  bool closed = false;
  bool stalls_there = false;
  bool stalls_back = false;
  std::list<Pipe> pipes;

  void add_to(std::vector<pollfd>& polled) const {
    polled.push_back({listener, POLLIN, 0});
    for (const Pipe& pipe : pipes) {
      const auto events = [](const Flow& in, bool in_stalls, const Flow& out, bool out_stalls) {
        int wanted = 0;
        if (!in_stalls && in.waiting.empty() && !in.ended) wanted |= POLLIN;
        if (!out_stalls && !out.waiting.empty()) wanted |= POLLOUT;
        return static_cast<short>(wanted);
      };
      const short near = events(pipe.there, stalls_there, pipe.back, stalls_back);
      const short far = events(pipe.back, stalls_back, pipe.there, stalls_there);
      // Of a stalled connection not even a hang-up is looked at, or it would be reported again and again.
      polled.push_back({near == 0 ? -1 : pipe.near, near, 0});
      polled.push_back({far == 0 ? -1 : pipe.far, far, 0});
    }
  }

  // `polled`: what add_to() asked for. Returns where the next door's begins.
  const pollfd* serve(const pollfd* polled) {
    const bool somebody_came = (polled++)->revents != 0;
    for (auto pipe = pipes.begin(); pipe != pipes.end(); polled += 2) {
      const bool alive = pipe->there.pass(pipe->near, pipe->far, stalls_there, polled[0].revents, polled[1].revents) &&
                         pipe->back.pass(pipe->far, pipe->near, stalls_back, polled[1].revents, polled[0].revents);
      pipe = alive ? std::next(pipe) : drop(pipe);
    }
    if (somebody_came) let_in();
    return polled;
  }

  void let_in() {
    const int near = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (near < 0) return;
    if (closed) return abort_connection(near);
    const int yes = 1;
    setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const int far = new_socket();
    if (connect(far, reinterpret_cast<const sockaddr*>(&target), sizeof target) < 0 && !would_block()) {
      close(far);
      return abort_connection(near);
    }
    pipes.push_back({near, far, {}, {}});
  }

  std::list<Pipe>::iterator drop(std::list<Pipe>::iterator pipe) {
    abort_connection(pipe->near);
    abort_connection(pipe->far);
    return pipes.erase(pipe);
  }
  void drop_all() {
    while (!pipes.empty()) drop(pipes.begin());
  }
};

Network::Network() : wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (wake_fd_ < 0) throw std::runtime_error(std::string("no eventfd: ") + std::strerror(errno));
  thread_ = std::thread([this] { run(); });
}

Network::~Network() {
  stopping_ = true;
  wake();
  thread_.join();
  for (Door& door : doors_) {
    door.drop_all();
    close(door.listener);
  }
  close(wake_fd_);
}

std::string Network::open_door(const std::string& from, const std::string& to, Channel channel,
                               const std::string& target) {
  Door door;
  door.from = from;
  door.to = to;
  door.channel = channel;
  door.target = loopback(static_cast<std::uint16_t>(std::stoi(target.substr(target.rfind(':') + 1))));
  door.listener = new_socket();
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  const bool listens = bind(door.listener, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                       listen(door.listener, 16) == 0 &&
                       getsockname(door.listener, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (!listens) throw std::runtime_error(std::string("cannot listen on 127.0.0.1: ") + std::strerror(errno));
  change([&](std::list<Door>& doors) { doors.push_back(std::move(door)); });
  return "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

template <typename Change>
void Network::change(Change change) {
  const std::lock_guard guard(mutex_);
  change(doors_);
  wake();  // before the lock is given back: whoever polled must not take the old doors for the new ones
}

void Network::wake() {
  const std::uint64_t one = 1;
  (void)!::write(wake_fd_, &one, sizeof one);
}

void Network::cut(const std::string& one, const std::string& other) {
  change([&](std::list<Door>& doors) {
    for (Door& door : doors) {
      if (!(door.from == one && door.to == other) && !(door.from == other && door.to == one)) continue;
      door.closed = true;
      door.drop_all();
    }
  });
}

void Network::silence(const std::string& from, const std::string& to) {
  change([&](std::list<Door>& doors) {
    for (Door& door : doors) {
      if (door.from == from && door.to == to) door.stalls_there = true;
      if (door.from == to && door.to == from) door.stalls_back = true;
    }
  });
}

void Network::silence_publishing(const std::string& from) {
  change([&](std::list<Door>& doors) {
    for (Door& door : doors) {
      if (door.to == from && door.channel == Channel::kPublish) door.stalls_back = true;
    }
  });
}

void Network::heal(bool reset) {
  change([&](std::list<Door>& doors) {
    for (Door& door : doors) {
      if (reset && (door.stalls_there || door.stalls_back)) door.drop_all();
      door.closed = door.stalls_there = door.stalls_back = false;
    }
  });
}

void Network::run() {
  std::vector<pollfd> polled;
  while (!stopping_) {
    polled.assign(1, {wake_fd_, POLLIN, 0});
    {
      const std::lock_guard guard(mutex_);
      for (const Door& door : doors_) door.add_to(polled);
    }
    if (poll(polled.data(), polled.size(), -1) < 0) continue;
    if (polled[0].revents != 0) {
      std::uint64_t count = 0;
      (void)!::read(wake_fd_, &count, sizeof count);
      continue;  // what was polled may be gone
    }
    const std::lock_guard guard(mutex_);
    std::uint64_t changed = 0;
    if (::read(wake_fd_, &changed, sizeof changed) > 0) continue;  // so may it be by now
    const pollfd* next = polled.data() + 1;
    for (Door& door : doors_) next = door.serve(next);
  }
}

}  // namespace lockstep::torture
