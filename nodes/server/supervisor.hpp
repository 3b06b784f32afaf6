// What a node tells the service manager that started it (systemd, Type=notify), and nothing if there is none.
//
// The loop itself tells that it lives, and never a thread beside it: a loop that hangs falls silent, and the service
// manager starts the node again. "Ready" is told once, a status only when it changes. Never waits: what the service
// manager does not take at once is not told.
#pragma once

#include <string>

#include "protocol/base/types.hpp"

namespace lockstep {

class Supervisor {
 public:
  // By $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID: sd_notify(3), sd_watchdog_enabled(3).
  static Supervisor from_environment();

  bool listens() const { return listens_; }
  void ready();                          // the node serves at its ports
  void show(const std::string& status);  // in one line, as `systemctl status` shows it
  // The loop has turned; tells so when it is time for it.
  void beat(Time now);
  // When beat() has something to tell; Time::max() if nobody waits for that.
  Time next_deadline() const { return next_beat_; }
  void stopping();

 private:
  Supervisor(bool listens, Duration interval);
  void tell(const std::string& state) const;

  bool listens_;
  Duration interval_;  // half of what the service manager waits for; zero: it does not wait
  Time next_beat_;
  std::string shown_;
  bool is_ready_ = false;
};

}  // namespace lockstep
