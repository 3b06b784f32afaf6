// libsystemd's notifications, each a datagram.
#include "nodes/server/supervisor.hpp"

#include <systemd/sd-daemon.h>

#include <cstdint>
#include <cstdlib>

#include "protocol/base/invariant.hpp"

namespace lockstep {

Supervisor Supervisor::from_environment() {
  const bool listens = std::getenv("NOTIFY_SOCKET") != nullptr;
  std::uint64_t longest_silence_us = 0;
  const bool waits = listens && sd_watchdog_enabled(0, &longest_silence_us) > 0;
  return {listens, waits ? std::chrono::microseconds(longest_silence_us / 2) : Duration::zero()};
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

void Supervisor::tell(const std::string& state) const {
  if (listens_) sd_notify(0, state.c_str());  // what cannot be told is not worth ending for
}

}  // namespace lockstep
