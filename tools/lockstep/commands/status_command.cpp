// Asks any node for the members, then every member for itself.
#include "tools/lockstep/commands/status_command.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <iostream>

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
One line a member: its role, the leader it follows, its term, what it knows to be committed and has
applied, the age of its state, its process. Members that do not answer are shown as such.

Examples:
  lockstep status
  lockstep --json status | jq -r 'select(.role == "leader") | .pid')";

class StatusSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App&) override {}
  Report run(const SubcommandRun& run) override { return show_status(run.global); }
};

using Row = std::array<std::string, 9>;

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
          status.age ? std::to_string(status.age->count()) + "ms" : "-",
          std::to_string(status.pid),
          endpoint};
}

constexpr std::array kStatusSubcommands{
    SubcommandEntry{"status", "Show every member: role, term, indexes, age, process", kStatusHelp, Access::kAlone,
                    false, make<StatusSubcommand>},
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
  std::array<std::size_t, std::tuple_size_v<Row>> widths{};
  for (const Row& row : rows) {
    for (std::size_t column = 0; column < row.size(); ++column) {
      widths[column] = std::max(widths[column], row[column].size());
    }
  }
  std::vector<std::string> lines;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t column = 0; column + 1 < row.size(); ++column) {
      line += row[column] + std::string(widths[column] - row[column].size() + 2, ' ');
    }
    lines.push_back(line + row.back());
  }
  return lines;
}

Report show_status(const GlobalOptions& options) {
  const auto first = ask(options.servers, options.timeout);
  if (!first) return report_of("", first.error());
  const auto reports = ask_members(first->members, std::min(options.timeout, kMemberPatience));
  if (options.json) {
    for (const MemberReport& report : reports) std::cout << json_of(report).dump() << '\n';
  } else {
    for (const std::string& line : table_of(reports)) std::cout << line << '\n';
  }
  std::cout.flush();
  return Report{};
}

}  // namespace lockstep
