// Runs a scenario: a text of prose, commands and the trace that each must give.
//
//   # prose
//   command
//   ----
//   the trace it must give, up to an empty line
//
// Commands, where A and B are nodes:
//   cluster A B ... [fetch-one-entry]   formed nodes; with the option an answer to a Fetch carries one entry
//   log A TERM...               A starts from a disk whose entries have these terms; 3x40 is forty of term 3
//   timeout A                   A's clock runs until it asks for pre-votes
//   elect A                     the same, and everything is delivered: it leads then; messages are not traced
//   tick A                      A's clock runs to its next deadline; heartbeat A: the same, of a leader
//   run MS                      everyone's clock runs, messages arrive at once and are not traced
//   propose A TEXT | read A     a command; the question up to where a linearizable read must wait
//   deliver [A->B]              everything and what follows from it, or what is in flight between two now
//   drop A->B [publish]         what is in flight is lost (of what was published only)
//   cut A->B [publish] | isolate A | heal        whatever is sent from now on is lost
//   disk A late|now | persist A [all]            the disk waits for persist; its oldest write is done
//   crash A | restart A
//   state [A ...]
#pragma once

#include <string>

namespace lockstep::raft {

// The same text with the traces that the commands really give.
std::string replay(const std::string& script);

}  // namespace lockstep::raft
