// A group of processes, named by its leader's process id: signalled as one, and asked whether any of it lives.
#pragma once

#include <sys/types.h>

namespace lockstep::run {

void signal_group(pid_t group, int signal);

// Whether a process of the group lives. One that has ended and was not reaped (a zombie) does not.
bool group_lives(pid_t group);

// Reaps every child of this process that has ended. Those of another parent than the command's come here, too,
// if this process adopts orphans (PR_SET_CHILD_SUBREAPER).
void reap_children();

}  // namespace lockstep::run
