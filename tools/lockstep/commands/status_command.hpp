// `status`: every member as it sees itself, and whether the cluster serves.
#pragma once

#include <string>
#include <vector>

#include "lockstep/client.hpp"
#include "tools/lockstep/answers/report.hpp"
#include "tools/lockstep/commands/cluster_health.hpp"

namespace lockstep {

nlohmann::ordered_json json_of(const MemberReport& report);
// The lines of a table, its heading first, without the lines' ends.
std::vector<std::string> table_of(const std::vector<MemberReport>& reports);

}  // namespace lockstep
