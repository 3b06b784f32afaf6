// The clock that a guardian goes by, and how it is woken when a time has come.
//
// A value of its own so that tests can hand in a clock that they move: the guardian is another process, and a busy
// machine may keep it from running for longer than any deadline that a test would wait for.
// Not thread-safe. Nothing here throws.
#pragma once

#include "nodes/system/file_descriptor.hpp"
#include "protocol/base/types.hpp"

namespace lockstep::run {

class GuardianClock {
 public:
  virtual ~GuardianClock() = default;

  virtual Time now() const = 0;
  // The descriptor is readable from that time on. Time::max(): never.
  virtual void wake_at(Time deadline) = 0;
  virtual int descriptor() const = 0;  // below 0: the system gave none
};

// CLOCK_BOOTTIME, which the leases are counted in, for the time and for the waking: both go on while the machine
// sleeps.
class MachineClock : public GuardianClock {
 public:
  MachineClock();

  Time now() const override;
  void wake_at(Time deadline) override;
  int descriptor() const override { return timer_.get(); }

 private:
  FileDescriptor timer_;
};

}  // namespace lockstep::run
