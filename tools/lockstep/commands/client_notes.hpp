// Who clients are, in words. An event that is over has the client's id alone; its note is that of its session, as long
// as that lives.
#pragma once

#include <set>

#include "tools/lockstep/answers/table.hpp"
#include "tools/lockstep/commands/commands.hpp"

namespace lockstep {

// Looks through the living sessions until all of them are found. Of whom nothing is found, nothing is said: a note is
// worth no error.
ClientNotes notes_of(const SubcommandRun& run, std::set<ClientId> clients);

}  // namespace lockstep
