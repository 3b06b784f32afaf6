// A client for each node, so that one that is silent holds up no other.
#include "tools/lockstep/commands/ask_members.hpp"

#include <future>
#include <utility>

namespace lockstep {

Expected<NodeStatus> ask_status(const std::vector<std::string>& servers, Duration timeout) {
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
    answers.push_back(std::async(std::launch::async, ask_status, std::vector{member.client_endpoint}, timeout));
  }
  std::vector<MemberReport> reports;
  for (std::size_t i = 0; i < members.size(); ++i) reports.push_back(MemberReport{members[i], answers[i].get()});
  return reports;
}

}  // namespace lockstep
