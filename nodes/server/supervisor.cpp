// Notifications, each a datagram (sd_notify(3), whose protocol systemd promises to keep).
//
// Not by libsystemd: its sd_notify() waits while the service manager does not read, and the loop must not.
#include "nodes/server/supervisor.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "nodes/system/file_descriptor.hpp"
#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

// 0: it is not there, or not a number.
std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

// Half of what the service manager waits for, if it waits for this process.
Duration beat_interval() {
  const std::string_view process = variable("WATCHDOG_PID");
  if (!process.empty() && number(process) != static_cast<std::uint64_t>(getpid())) return Duration::zero();
  return std::chrono::microseconds(number(variable("WATCHDOG_USEC")) / 2);
}

}  // namespace

Supervisor Supervisor::from_environment() {
  const bool listens = !variable("NOTIFY_SOCKET").empty();
  return {listens, listens ? beat_interval() : Duration::zero()};
}

Supervisor::Supervisor(bool listens, Duration interval)
    : listens_(listens), interval_(interval), next_beat_(interval > Duration::zero() ? Time{} : Time::max()) {}

void Supervisor::ready() {
  INVARIANT(!is_ready_, "a node is started once");
  is_ready_ = true;
  tell("READY=1");
}

void Supervisor::show(const std::string& status) {
  if (status == shown_) return;
  shown_ = status;
  tell("STATUS=" + status);
}

void Supervisor::beat(Time now) {
  if (now < next_beat_) return;
  next_beat_ = now + interval_;
  tell("WATCHDOG=1");
}

void Supervisor::stopping() { tell("STOPPING=1"); }

// What cannot be told now is dropped: the loop waits for nobody.
void Supervisor::tell(const std::string& state) const {
  const std::string_view path = variable("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!listens_ || path.size() >= sizeof address.sun_path) return;
  path.copy(address.sun_path, path.size());
  if (path.front() == '@') address.sun_path[0] = '\0';  // an abstract name
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  (void)::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                 length);
}

}  // namespace lockstep
