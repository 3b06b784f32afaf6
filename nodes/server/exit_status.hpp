// How lockstepd ends. A supervisor decides by it whether to start the node again; docs/operations.md has a row for
// every reason.
//
// What the operating system refuses may be granted later: a port is still taken, a name does not resolve yet, a disk is
// full or not mounted. What stands in the configuration, on the command line or on the disk stays as it is until a
// person changes it.
#pragma once

namespace lockstep {

inline constexpr int kExitStopped = 0;
inline constexpr int kExitMayPass = 1;  // start it again: the cause may be gone
inline constexpr int kExitForGood = 2;  // it ends in the same way until a person has changed something

inline int exit_status(bool may_pass) { return may_pass ? kExitMayPass : kExitForGood; }

}  // namespace lockstep
