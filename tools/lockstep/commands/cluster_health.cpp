// Counts who answers, and who follows the same leader in the same term.
#include "tools/lockstep/commands/cluster_health.hpp"

#include <algorithm>
#include <optional>

#include "protocol/base/joined.hpp"

namespace lockstep {
namespace {

using Names = std::vector<std::string>;

// "a", "a and b", "a, b and c"
std::string in_words(const Names& names) {
  if (names.size() < 2) return joined(names);
  const Names first(names.begin(), names.end() - 1);
  return joined(first) + " and " + names.back();
}

std::string are(const Names& names, const std::string& what) {
  return in_words(names) + (names.size() == 1 ? " is " : " are ") + what;
}

template <typename Matches>
Names names_of(const std::vector<MemberReport>& reports, Matches matches) {
  Names names;
  for (const MemberReport& report : reports) {
    if (matches(report)) names.push_back(report.member.name);
  }
  return names;
}

// Of the newest term: what was said of an older one is over.
struct Leadership {
  std::string leader;
  Term term;
};

std::optional<Leadership> newest_leadership(const std::vector<MemberReport>& reports) {
  std::optional<Leadership> newest;
  for (const MemberReport& report : reports) {
    if (!report.answer || report.answer->leader.empty()) continue;
    if (newest && report.answer->term <= newest->term) continue;
    newest = Leadership{report.answer->leader, report.answer->term};
  }
  return newest;
}

}  // namespace

std::string_view to_string(HealthKind kind) {
  switch (kind) {
    case HealthKind::kHealthy: return "healthy";
    case HealthKind::kDegraded: return "degraded";
    case HealthKind::kNoLeader: return "no_leader";
    case HealthKind::kQuorumLost: return "quorum_lost";
  }
  return "unknown";
}

ClusterHealth health_of(const std::vector<MemberReport>& reports) {
  const std::size_t quorum = reports.size() / 2 + 1;
  const Names unreachable = names_of(reports, [](const MemberReport& report) { return !report.answer.has_value(); });
  const Names answering = names_of(reports, [](const MemberReport& report) { return report.answer.has_value(); });
  if (answering.size() < quorum) {
    return {HealthKind::kQuorumLost, "quorum lost: " + are(unreachable, "unreachable")};
  }
  const auto leadership = newest_leadership(reports);
  const Names following = names_of(reports, [&](const MemberReport& report) {
    return leadership && report.answer && report.answer->leader == leadership->leader &&
           report.answer->term == leadership->term;
  });
  const std::string missing = unreachable.empty() ? "" : "; " + are(unreachable, "unreachable");
  if (following.size() < quorum) {
    const bool alone = answering.size() == 1;
    return {HealthKind::kNoLeader, "no leader: " + in_words(answering) + (alone ? " answers" : " answer") +
                                       ", but too few follow one leader" + missing};
  }
  if (following.size() == reports.size()) {
    return {HealthKind::kHealthy, "healthy: " + leadership->leader + " leads, " +
                                      (reports.size() == 1 ? "the only member" : "all members follow")};
  }
  const Names astray = names_of(reports, [&](const MemberReport& report) {
    return report.answer && std::find(following.begin(), following.end(), report.member.name) == following.end();
  });
  const std::string behind =
      astray.empty() ? "" : "; " + in_words(astray) + (astray.size() == 1 ? " does" : " do") + " not follow";
  return {HealthKind::kDegraded, "degraded: " + leadership->leader + " leads" + missing + behind};
}

}  // namespace lockstep
