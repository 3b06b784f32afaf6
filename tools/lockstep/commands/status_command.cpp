// Asks any node for the members, then every member for itself.
#include "tools/lockstep/commands/status_command.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <iostream>
#include <thread>
#include <utility>

#include "nodes/system/clock.hpp"
#include "protocol/base/duration_words.hpp"
#include "tools/lockstep/answers/table.hpp"
#include "tools/lockstep/commands/commands.hpp"

namespace lockstep {
namespace {

constexpr Duration kMemberPatience = std::chrono::seconds(1);

Expected<NodeStatus> ask(const std::vector<std::string>& servers, Duration timeout) {
  ClientConfig config;
  config.endpoints = servers;
  config.timeout = timeout;
  auto client = Client::create(config);
  if (!client) return tl::unexpected(std::move(client.error()));
  return client->status();
}

std::vector<MemberReport> ask_members(const std::vector<MemberInfo>& members, Duration timeout) {
  std::vector<std::future<Expected<NodeStatus>>> answers;
  answers.reserve(members.size());
  for (const MemberInfo& member : members) {
    answers.push_back(std::async(std::launch::async, ask, std::vector{member.client_endpoint}, timeout));
  }
  std::vector<MemberReport> reports;
  for (std::size_t i = 0; i < members.size(); ++i) reports.push_back(MemberReport{members[i], answers[i].get()});
  return reports;
}

constexpr std::string_view kStatusHelp = R"(
One line for each member: its role, the leader that it follows, its term, what it knows to be committed and has
applied, the age of its state, its process. The last line says whether the cluster serves: healthy, degraded (a member
is missing, but a quorum follows a leader), no leader, or quorum lost. With --json it is "health" of every object.
Exit codes: 0 it serves; 3 it does not, or no node answers in time.

Examples:
  lockstep status
  lockstep status --wait 30s && echo ready          until it serves
  lockstep --json status | jq -r 'select(.role == "leader") | .pid')";

class StatusSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    add_duration_option(command, "-w,--wait", wait_, "Until the cluster serves, but no longer than this");
  }

  // Prints the table, or an object for each member, once: at the end of the wait.
  Report run(const SubcommandRun& run) override {
    const Time deadline = boot_time() + wait_;
    for (;;) {
      const Duration patience = patience_of(run.global.timeout, deadline);
      const auto first = ask(run.global.servers, patience);
      const auto reports =
          first ? ask_members(first->members, std::min(patience, kMemberPatience)) : std::vector<MemberReport>();
      const ClusterHealth health = first ? health_of(reports) : ClusterHealth();
      if (health.serves() || boot_time() >= deadline || run.stop.stop_requested()) {
        return first ? show(run.global, reports, health) : report_of("", first.error());
      }
      tell(first ? health.text : first.error().detail);
      std::this_thread::sleep_for(kPause);
    }
  }

 private:
  static constexpr Duration kPause = std::chrono::milliseconds(200);

  // A look that is to be over when the wait is, but has time to succeed.
  Duration patience_of(Duration timeout, Time deadline) const {
    return wait_ == Duration::zero() ? timeout : std::min(timeout, std::max(deadline - boot_time(), kMemberPatience));
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
      std::cout << health.text << '\n';
    }
    std::cout.flush();
    Report report;
    report.exit_code = health.serves() ? kExitYes : kExitUnavailable;
    return report;
  }

  Duration wait_{};
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
