// Asks any node for the members, then every member for itself.
#include "tools/lockstep/commands/status_command.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <utility>

#include "nodes/system/clock.hpp"
#include "protocol/base/duration_words.hpp"
#include "tools/lockstep/answers/table.hpp"
#include "tools/lockstep/commands/ask_members.hpp"
#include "tools/lockstep/commands/commands.hpp"
#include "tools/lockstep/commands/stop_on_signal.hpp"

namespace lockstep {
namespace {

constexpr std::string_view kStatusHelp = R"(
One line for each member: its role, the leader that it follows, its term, what it knows to be committed and has
applied, the age of its state, its process. The last line says whether the cluster serves: healthy, degraded (a member
is missing, but a quorum follows a leader), forming (not all members have been up yet), no leader, or quorum lost. With
--json it is "health" of every object.
With --node it is about the first node that answers, and no other: healthy if it knows a leader, for the health check
of a container.
Exit codes: 0 it serves; 3 it does not, or no node answers in time.

Examples:
  lockstep status
  lockstep --server tcp://127.0.0.1:7101 status --node
  lockstep status --wait 30s && echo ready          until it serves
  lockstep --json status | jq -r 'select(.role == "leader") | .pid')";

class StatusSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    add_duration_option(command, "-w,--wait", wait_, "Until the cluster serves, but no longer than this");
    command.add_flag("--node", node_, "Only of the node that answers: whether it knows a leader");
  }

  // Prints the table, or an object for each member, once: at the end of the wait.
  Report run(const SubcommandRun& run) override {
    const Time deadline = boot_time() + wait_;
    for (;;) {
      const Duration patience = patience_of(run.global.timeout, deadline);
      const auto first = ask_status(run.global.servers, patience);
      const auto reports = first ? look_at(*first, patience) : std::vector<MemberReport>();
      const ClusterHealth health = !first ? ClusterHealth() : node_ ? health_of_node(*first) : health_of(reports);
      if (health.serves() || boot_time() >= deadline || run.stop.stop_requested()) {
        return first ? show(run.global, reports, health) : report_of_nobody(first.error(), wait_);
      }
      tell(first ? health.text() : first.error().detail);
      pause(run.stop, kPause);
    }
  }

 private:
  static constexpr Duration kPause = std::chrono::milliseconds(200);

  // A look that is to be over when the wait is, but has time to succeed.
  Duration patience_of(Duration timeout, Time deadline) const {
    return wait_ == Duration::zero() ? timeout : std::min(timeout, std::max(deadline - boot_time(), kMemberPatience));
  }

  std::vector<MemberReport> look_at(const NodeStatus& first, Duration patience) const {
    if (!node_) return ask_members(first.members, std::min(patience, kMemberPatience));
    const auto is_first = [&](const MemberInfo& member) { return member.name == first.name; };
    const auto member = std::find_if(first.members.begin(), first.members.end(), is_first);
    return {MemberReport{member == first.members.end() ? MemberInfo{first.name, "-", first.node} : *member, first}};
  }

  // Of other commands the advice is this one.
  static Report report_of_nobody(Error error, Duration wait) {
    if (wait != Duration::zero()) {
      error.detail = "the cluster did not serve within " + in_words(wait) + "; at the last look " + error.detail;
    }
    Report report = report_of("", error);
    report.advice = "look whether lockstepd runs there, or name other nodes with --server";
    return report;
  }

  // On stderr, what is waited for, whenever that changes.
  void tell(const std::string& why) {
    if (why != std::exchange(told_, why)) std::cerr << "lockstep: waiting; " + why + "\n";
  }

  static Report show(const GlobalOptions& options, const std::vector<MemberReport>& reports,
                     const ClusterHealth& health) {
    if (options.json) {
      for (const MemberReport& report : reports) {
        auto json = json_of(report);
        json["health"] = to_string(health.kind);
        std::cout << json.dump() << '\n';
      }
    } else {
      for (const std::string& line : table_of(reports)) std::cout << line << '\n';
      std::cout << health.text() << '\n';
    }
    std::cout.flush();
    Report report;
    report.exit_code = health.serves() ? kExitYes : kExitUnavailable;
    return report;
  }

  Duration wait_{};
  bool node_ = false;
  std::string told_;
};

Row row_of(const MemberReport& report) {
  const std::string& endpoint = report.member.client_endpoint;
  if (!report.answer) return {report.member.name, "unreachable", "-", "-", "-", "-", "-", "-", endpoint};
  const NodeStatus& status = *report.answer;
  return {report.member.name,
          std::string(to_string(status.role)),
          status.leader.empty() ? "-" : status.leader,
          std::to_string(status.term.value()),
          std::to_string(status.commit_index.value()),
          std::to_string(status.applied_index.value()),
          status.age ? in_words(*status.age) : "-",
          std::to_string(status.pid),
          endpoint};
}

constexpr std::array kStatusSubcommands{
    SubcommandEntry{"status", "Show every member: role, term, indexes, age, process", kStatusHelp, Access::kAlone, true,
                    make<StatusSubcommand>},
};

}  // namespace

std::span<const SubcommandEntry> status_subcommands() { return kStatusSubcommands; }

nlohmann::ordered_json json_of(const MemberReport& report) {
  nlohmann::ordered_json json{{"name", report.member.name}, {"endpoint", report.member.client_endpoint}};
  if (!report.answer) {
    json["error"] = report.answer.error().name();
    json["definite"] = report.answer.error().definite;
    json["detail"] = report.answer.error().detail;
    return json;
  }
  const NodeStatus& status = *report.answer;
  json["role"] = to_string(status.role);
  json["leader"] = status.leader;
  json["term"] = status.term.value();
  json["commit_index"] = status.commit_index.value();
  json["applied_index"] = status.applied_index.value();
  json["last_index"] = status.last_index.value();
  json["durable_index"] = status.durable_index.value();
  if (status.age) json["age_ms"] = status.age->count();
  json["state_hash"] = status.state_hash;
  json["locks"] = status.locks;
  json["sessions"] = status.sessions;
  json["pending"] = status.pending;
  json["rejected_frames"] = status.rejected_frames;
  json["pid"] = status.pid;
  json["version"] = status.version;
  return json;
}

std::vector<std::string> table_of(const std::vector<MemberReport>& reports) {
  std::vector<Row> rows{{"NODE", "ROLE", "LEADER", "TERM", "COMMIT", "APPLIED", "AGE", "PID", "ENDPOINT"}};
  for (const MemberReport& report : reports) rows.push_back(row_of(report));
  return aligned(rows);
}

}  // namespace lockstep
