// Why nothing came of a request in time, as far as the nodes can tell.
//
// The client only knows that no answer came. A node that answers to nothing else tells its status, and with those of
// the others it can be said what is missing.
#pragma once

#include <string>
#include <vector>

#include "tools/lockstep/answers/report.hpp"
#include "tools/lockstep/commands/cluster_health.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {

// A report of `unavailable`, with what was found out; any other as it is. Costs a look at the nodes: a second, or two.
Report explained(const GlobalOptions& global, Report report);

// `node` has answered, and `members` is what all of them said.
std::string why_nothing_came(const std::string& node, const std::vector<MemberReport>& members);

}  // namespace lockstep
