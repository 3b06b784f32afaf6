// `status`: every member as it sees itself.
#pragma once

#include <string>
#include <vector>

#include "lockstep/client.hpp"
#include "tools/lockstep/answers/report.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {

// What one member said, or why it could not be asked.
struct MemberReport {
  MemberInfo member;
  Expected<NodeStatus> answer;
};

nlohmann::ordered_json json_of(const MemberReport& report);
// The lines of a table, its heading first, without the lines' ends.
std::vector<std::string> table_of(const std::vector<MemberReport>& reports);

// Asks any server who the members are, then each of them, all at once. Prints the table or one object a
// node. The report is of how that ended, and has nothing to print unless it is an error.
Report show_status(const GlobalOptions& options);

}  // namespace lockstep
