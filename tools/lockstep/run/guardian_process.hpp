// The process of the guardian: starts the command when it is ordered to, and does what the Guardian decides.
//
// It is forked off before its maker has a thread or a ZeroMQ context, has one thread and no ZeroMQ. It adopts
// the command's orphans, and is in a group of its own, so that what a terminal or a shell does to the
// maker's group does not reach it. If it dies, the kernel kills the command with it (PR_SET_PDEATHSIG).
#pragma once

#include <csignal>

#include <string>
#include <vector>

#include "tools/lockstep/run/channel.hpp"
#include "tools/lockstep/run/guardian_clock.hpp"

namespace lockstep::run {

struct CommandSpec {
  std::vector<std::string> words;  // of the command line; the first is looked for in PATH
  sigset_t signals{};              // that the command has blocked
  bool takes_terminal = false;     // its group has the foreground from its start; false: once it asks (terminal.hpp)
};

// Serves the orders that come in on `channel`, until the command and its group have ended and the holder knows, or
// there is nothing left to guard. All signals that can be are blocked by then.
[[noreturn]] void be_guardian(Channel channel, const CommandSpec& spec, const GuardianOptions& options,
                              GuardianClock& clock);

}  // namespace lockstep::run
