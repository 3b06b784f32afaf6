// Counts who answers, and who follows the same leader in the same term.
#include "tools/lockstep/commands/cluster_health.hpp"

#include <algorithm>
#include <chrono>

#include "protocol/base/joined.hpp"

namespace lockstep {
namespace {

using Names = std::vector<std::string>;

// "a", "a and b", "a, b and c"
std::string listed(const Names& names) {
  if (names.size() < 2) return joined(names);
  const Names first(names.begin(), names.end() - 1);
  return joined(first) + " and " + names.back();
}

std::string are(const Names& names, const std::string& what) {
  return listed(names) + (names.size() == 1 ? " is " : " are ") + what;
}

template <typename Matches>
Names names_of(const std::vector<MemberReport>& reports, Matches matches) {
  Names names;
  for (const MemberReport& report : reports) {
    if (matches(report)) names.push_back(report.member.name);
  }
  return names;
}

// The leader of the newest term, if it says so itself: what others say of one that is silent may be over.
const NodeStatus* leader_of(const std::vector<MemberReport>& reports) {
  const NodeStatus* leader = nullptr;
  for (const MemberReport& report : reports) {
    if (!report.answer || report.answer->role != NodeRole::kLeader) continue;
    if (leader == nullptr || report.answer->term > leader->term) leader = &*report.answer;
  }
  return leader;
}

// As far as can be seen: one that has formed it would know.
bool is_forming(const std::vector<MemberReport>& reports) {
  bool is_anybody = false;
  for (const MemberReport& report : reports) {
    if (!report.answer) continue;
    if (report.answer->role != NodeRole::kForming) return false;
    is_anybody = true;
  }
  return is_anybody;
}

// A member that hears its leader and keeps up has a state of a moment ago.
constexpr std::chrono::milliseconds kOldState = std::chrono::seconds(5);

bool is_behind(const NodeStatus& status) { return status.age && *status.age > kOldState; }

}  // namespace

std::string_view to_string(HealthKind kind) {
  switch (kind) {
    case HealthKind::kHealthy: return "healthy";
    case HealthKind::kDegraded: return "degraded";
    case HealthKind::kForming: return "forming";
    case HealthKind::kNoLeader: return "no_leader";
    case HealthKind::kQuorumLost: return "quorum_lost";
  }
  return "unknown";
}

std::string ClusterHealth::text() const {
  std::string words(to_string(kind));
  std::replace(words.begin(), words.end(), '_', ' ');
  return words + ": " + why;
}

ClusterHealth health_of_node(const NodeStatus& status) {
  if (status.role == NodeRole::kForming) {
    return {HealthKind::kForming, status.name + " waits for other members: its log says for which"};
  }
  if (status.leader.empty()) return {HealthKind::kNoLeader, status.name + " answers, but knows no leader"};
  return {HealthKind::kHealthy, status.name + (status.leader == status.name ? " leads" : " follows " + status.leader)};
}

ClusterHealth health_of(const std::vector<MemberReport>& reports) {
  const std::size_t quorum = reports.size() / 2 + 1;
  const Names unreachable = names_of(reports, [](const MemberReport& report) { return !report.answer.has_value(); });
  const Names answering = names_of(reports, [](const MemberReport& report) { return report.answer.has_value(); });
  if (is_forming(reports)) {
    return {HealthKind::kForming, unreachable.empty()
                                      ? "all members answer; if it lasts, their logs say what they wait for"
                                      : "waits for " + listed(unreachable) + "; all members must be up once"};
  }
  if (answering.size() < quorum) {
    return {HealthKind::kQuorumLost, are(unreachable, "unreachable")};
  }
  const NodeStatus* leader = leader_of(reports);
  const Names following = names_of(reports, [&](const MemberReport& report) {
    return leader != nullptr && report.answer && report.answer->leader == leader->name &&
           report.answer->term == leader->term && !is_behind(*report.answer);
  });
  const std::string missing = unreachable.empty() ? "" : "; " + are(unreachable, "unreachable");
  if (following.size() < quorum) {
    const bool alone = answering.size() == 1;
    return {HealthKind::kNoLeader,
            listed(answering) + (alone ? " answers" : " answer") + ", but too few follow one leader" + missing};
  }
  if (following.size() == reports.size()) {
    return {HealthKind::kHealthy,
            leader->name + " leads, " + (reports.size() == 1 ? "the only member" : "all members follow")};
  }
  const Names behind =
      names_of(reports, [&](const MemberReport& report) { return report.answer && is_behind(*report.answer); });
  const Names astray = names_of(reports, [&](const MemberReport& report) {
    const bool is_counted = std::find(following.begin(), following.end(), report.member.name) != following.end();
    return report.answer && !is_behind(*report.answer) && !is_counted;
  });
  const std::string others = (behind.empty() ? "" : "; " + are(behind, "far behind")) +
                             (astray.empty() ? "" : "; " + are(astray, "without a leader"));
  return {HealthKind::kDegraded, leader->name + " leads" + missing + others};
}

}  // namespace lockstep
