// What the nodes say of themselves: one that answers, and all members of its cluster.
#pragma once

#include <string>
#include <vector>

#include "lockstep/client.hpp"
#include "tools/lockstep/commands/cluster_health.hpp"

namespace lockstep {

// Long enough for a node that is there.
inline constexpr Duration kMemberPatience = std::chrono::seconds(1);

// Of the first of them that answers. A node answers at once, whatever the others do.
Expected<NodeStatus> ask_status(const std::vector<std::string>& servers, Duration timeout);
// Of all at the same time.
std::vector<MemberReport> ask_members(const std::vector<MemberInfo>& members, Duration timeout);

}  // namespace lockstep
