// The terminal that this process is controlled from, and the one group of processes that may read it: the foreground.
//
// A command in a group of its own is in the background, and stopped (SIGTTIN, SIGTTOU) when it reads the terminal or
// changes its settings, unless its group is given the foreground. But whoever else is in our group then is in
// the background: the pager of `lockstep run NAME -- COMMAND | less`. So the command is given it
// - from its start, if nobody of our group but ourselves is at the terminal: is_alone_at_terminal();
// - else at the moment in which it is stopped for want of it, as sudo does it.
// Not thread-safe. Nothing here throws.
#pragma once

#include <sys/types.h>

#include "nodes/system/file_descriptor.hpp"

namespace lockstep::run {

class Terminal {
 public:
  Terminal();  // of this process; one without a terminal has a Terminal that does nothing

  // Whether that group has the foreground.
  bool is_of(pid_t group) const;
  // Gives the foreground to the group `to`, if the group `from` has it. This process is never stopped for doing so.
  bool hand_over(pid_t from, pid_t to) const;

 private:
  FileDescriptor fd_;
};

// Whether our group has the foreground, and stdin, stdout and stderr all are that terminal. In a pipeline, and in the
// background of a script, one of them is not.
bool is_alone_at_terminal();

}  // namespace lockstep::run
