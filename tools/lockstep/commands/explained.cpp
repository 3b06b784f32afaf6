// Asks any node, then all members, and puts what they say into a sentence.
#include "tools/lockstep/commands/explained.hpp"

#include <algorithm>

#include "protocol/base/duration_words.hpp"
#include "tools/lockstep/commands/ask_members.hpp"

namespace lockstep {

std::string why_nothing_came(const std::string& node, const std::vector<MemberReport>& members) {
  const ClusterHealth health = health_of(members);
  const std::string node_answers = "node " + node + " answers, ";
  if (health.kind == HealthKind::kForming) return node_answers + "but the cluster has not formed yet: " + health.why;
  if (health.serves()) return node_answers + "and by now the cluster serves (" + health.text() + ")";
  const bool knows_leader = std::any_of(members.begin(), members.end(), [&](const MemberReport& member) {
    return member.answer && member.answer->name == node && !member.answer->leader.empty();
  });
  if (knows_leader) return node_answers + "but no quorum did in time; seen from here: " + health.text();
  if (health.kind == HealthKind::kNoLeader) return node_answers + "but the cluster has no leader: " + health.why;
  return node_answers + "but the cluster has no leader: " + std::to_string(members.size() / 2 + 1) + " of its " +
         std::to_string(members.size()) + " nodes must reach each other, and " + health.why;
}

Report explained(const GlobalOptions& global, Report report) {
  if (!report.error || !report.error->is(ErrorCode::kUnavailable)) return report;
  const Duration patience = std::min(global.timeout, kMemberPatience);
  const auto status = ask_status(global.servers, patience);
  if (!status) return report;
  Error error = *report.error;
  // Not what the client itself saw of the nodes, which these answers are newer than.
  error.detail = why_nothing_came(status->name, ask_members(status->members, patience)) + "; no answer within " +
                 in_words(global.timeout);
  Report told = report_of(report.json.value("name", std::string()), error);
  told.exit_code = report.exit_code;
  told.advice = report.advice;
  return told;
}

}  // namespace lockstep
