#include "tests/support/cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <stdexcept>

#include "tests/support/programs.hpp"

namespace lockstep::testing {

Cluster::Cluster(std::size_t size, std::string settings) : settings_(std::move(settings)) {
  for (std::size_t i = 0; i < size; ++i) {
    names_.emplace_back(1, static_cast<char>('a' + i));
    endpoints_.try_emplace(names_.back());
  }
  for (const std::string& name : names_) std::ofstream(folder() / (name + ".toml")) << config_text(name);
}

Cluster::~Cluster() {
  for (auto& [name, process] : nodes_) {
    if (!process.ended()) continue;
    FAIL_CHECK("node ", name, " ended although nobody ended it; its log:\n", log(name));
  }
}

std::vector<std::string> Cluster::names_but(const std::string& name) const {
  std::vector<std::string> others = names_;
  std::erase(others, name);
  return others;
}

std::string Cluster::config_text(const std::string& name) const {
  std::string text = "name = \"" + name + "\"\ndata = \"" + data_folder(name).string() + "\"\n";
  for (const auto& [member, at] : endpoints_) {
    text += "[[members]]\nname = \"" + member + "\"\nclient = \"" + at.client + "\"\npeer = \"" + at.peer +
            "\"\npublish = \"" + at.publish + "\"\n";
  }
  return text + settings_;
}

void Cluster::start(const std::string& name) {
  const std::vector<std::string> command{lockstepd_program(), (folder() / (name + ".toml")).string()};
  nodes_.try_emplace(name, command, folder(), folder() / (name + ".log"));
}

void Cluster::start(const std::vector<std::string>& names) {
  for (const std::string& name : names) start(name);
}

Ended Cluster::take_end(const std::string& name) {
  const Ended end = nodes_.at(name).wait();
  nodes_.erase(name);
  paused_.erase(name);
  return end;
}

void Cluster::kill(const std::string& name) {
  nodes_.at(name).signal(SIGKILL);
  const Ended end = take_end(name);
  CHECK_MESSAGE(end.signal == SIGKILL, "node ", name, " ended before it was killed; its log:\n", log(name));
}

void Cluster::kill_all() {
  for (auto& [name, process] : nodes_) process.signal(SIGKILL);
  for (const std::string& name : names_) {
    if (is_running(name)) kill(name);
  }
}

Ended Cluster::stop(const std::string& name) {
  nodes_.at(name).signal(SIGTERM);
  return take_end(name);
}

Ended Cluster::wait_for_end(const std::string& name) { return take_end(name); }

void Cluster::pause(const std::string& name) {
  nodes_.at(name).signal(SIGSTOP);
  paused_[name] = true;
}

void Cluster::resume(const std::string& name) {
  nodes_.at(name).signal(SIGCONT);
  paused_.erase(name);
}

std::string Cluster::leader() {
  std::string leader;
  const auto all_agree = [&] {
    leader.clear();
    for (const auto& [name, process] : nodes_) {
      if (paused_.contains(name)) continue;
      const auto answer = status(name);
      if (!answer || answer->leader.empty()) return false;
      if (leader.empty()) leader = answer->leader;
      if (answer->leader != leader) return false;
    }
    if (!nodes_.contains(leader) || paused_.contains(leader)) return false;
    const auto of_leader = status(leader);
    return of_leader && of_leader->role == wire::Role::kLeader;
  };
  if (wait_until(all_agree)) return leader;
  std::string logs;
  for (const std::string& name : names_) logs += "\n--- " + name + "\n" + log(name);
  throw std::runtime_error("the nodes agree on no leader; their logs:" + logs);
}

std::string Cluster::follower() {
  const std::string leading = leader();
  for (const auto& [name, process] : nodes_) {
    if (name != leading && !paused_.contains(name)) return name;
  }
  throw std::runtime_error("only the leader runs");
}

std::optional<wire::StatusAnswer> Cluster::status(const std::string& name, std::chrono::milliseconds patience) {
  RawClient client = raw_client(name);
  if (!client.try_send(wire::StatusRequest{}, patience)) return std::nullopt;
  const auto response = client.receive(patience);
  if (!response) return std::nullopt;
  const auto* answer = std::get_if<wire::StatusAnswer>(&response->body);
  return answer == nullptr ? std::nullopt : std::optional(*answer);
}

Client Cluster::client(const std::vector<std::string>& names, Duration ttl) {
  ClientConfig config;
  config.ttl = ttl;
  config.endpoints.clear();
  for (const std::string& name : names) config.endpoints.push_back(endpoints(name).client);
  config.timeout = kPatience;
  config.context = context_;
  auto client = Client::create(config);
  if (!client) throw std::runtime_error(client.error().detail);
  return std::move(*client);
}

StartedCluster::StartedCluster(std::size_t size, std::string settings) : Cluster(size, std::move(settings)) {
  start_all();
  leader();
}

Run run_lockstepd(const std::vector<std::string>& arguments, const std::filesystem::path& folder) {
  std::vector<std::string> command{lockstepd_program()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const std::filesystem::path log = folder / "run.log";
  std::filesystem::remove(log);
  Process process(command, folder, log);
  const Ended ended = process.wait();
  return {ended, read_file(log)};
}

}  // namespace lockstep::testing
