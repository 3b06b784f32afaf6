// How a client comes by the session that a state file has for it, which depends on the cluster that it talks to.
#pragma once

#include <memory>

#include "lockstep/client.hpp"
#include "tools/lockstep/kept/state_file.hpp"

namespace lockstep {

// Asks until a node knows its cluster: while it forms, there is none.
Expected<ClusterId> find_cluster(Client& client, Time deadline);

// From here on the client uses, and keeps, the session that the file has for this cluster: Client::keep_session.
Expected<void> use_kept_session(Client& client, const std::shared_ptr<StateFile>& file, ClusterId cluster);

}  // namespace lockstep
