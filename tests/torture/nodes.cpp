#include "tests/torture/nodes.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>

#include "tests/support/free_endpoint.hpp"
#include "tests/support/raw_client.hpp"

namespace lockstep::torture {
namespace {

constexpr std::chrono::milliseconds kPatience{500};  // with a node that is asked how it is

struct Served {
  std::string client = testing::free_endpoint();
  std::string peer = testing::free_endpoint();
  std::string publish = testing::free_endpoint();
};

std::string member(const std::string& name, const std::string& client, const std::string& peer,
                   const std::string& publish) {
  return "[[members]]\nname = \"" + name + "\"\nclient = \"" + client + "\"\npeer = \"" + peer + "\"\npublish = \"" +
         publish + "\"\n";
}

}  // namespace

Nodes::Nodes(std::size_t count, const std::filesystem::path& folder, std::string program, Network& network)
    : folder_(folder), program_(std::move(program)) {
  std::map<std::string, Served> served;
  for (std::size_t i = 0; i < count; ++i) {
    names_.emplace_back(1, static_cast<char>('a' + i));
    endpoints_[names_.back()] = served[names_.back()].client;
  }
  for (const std::string& name : names_) {
    std::ofstream config(folder_ / (name + ".toml"));
    config << "name = \"" << name << "\"\ndata = \"" << data_folder(name).string() << "\"\n";
    // So small that a full disk and snapshots are met all the time: who is away for seconds must be sent one.
    config << "[storage]\nsegment_bytes = 65536\ncompact_log_bytes = 32768\n";
    for (const auto& entry : served) {
      const std::string& other = entry.first;
      const Served& at = entry.second;
      const auto door = [&](Channel channel, const std::string& target) {
        return other == name ? target : network.open_door(name, other, channel, target);
      };
      config << member(other, at.client, door(Channel::kPeer, at.peer), door(Channel::kPublish, at.publish));
    }
  }
}

std::vector<std::string> Nodes::client_endpoints() const {
  std::vector<std::string> endpoints;
  for (const std::string& name : names_) endpoints.push_back(endpoints_.at(name));
  return endpoints;
}

void Nodes::start(const std::string& name) {
  const std::vector<std::string> command{program_, (folder_ / (name + ".toml")).string()};
  processes_.try_emplace(name, command, folder_, log_file(name));
}

void Nodes::start_all() {
  for (const std::string& name : names_) start(name);
}

void Nodes::kill(const std::string& name) {
  const auto process = processes_.find(name);
  if (process == processes_.end()) return;
  process->second.signal(SIGKILL);
  process->second.wait();
  processes_.erase(process);
  paused_.erase(name);
}

void Nodes::kill_all() {
  for (auto& [name, process] : processes_) process.signal(SIGKILL);
  for (const std::string& name : names_) kill(name);
}

void Nodes::pause(const std::string& name) {
  processes_.at(name).signal(SIGSTOP);
  paused_.insert(name);
}

void Nodes::resume_all() {
  for (const std::string& name : paused_) processes_.at(name).signal(SIGCONT);
  paused_.clear();
}

std::map<std::string, testing::Ended> Nodes::take_dead() {
  std::map<std::string, testing::Ended> dead;
  for (auto& [name, process] : processes_) {
    if (const auto ended = process.ended()) dead.emplace(name, *ended);
  }
  for (const auto& [name, ended] : dead) {
    processes_.erase(name);
    paused_.erase(name);
  }
  return dead;
}

bool Nodes::stop_all() {
  for (auto& [name, process] : processes_) process.signal(SIGTERM);
  bool clean = true;
  for (auto& [name, process] : processes_) clean = process.wait().exit_code == 0 && clean;
  processes_.clear();
  return clean;
}

std::optional<wire::StatusAnswer> Nodes::status(const std::string& name) {
  testing::RawClient client(context_, endpoints_.at(name));
  if (!client.try_send(wire::StatusRequest{}, kPatience)) return std::nullopt;
  const auto response = client.receive(kPatience);
  const auto* answer = response ? std::get_if<wire::StatusAnswer>(&response->body) : nullptr;
  return answer == nullptr ? std::nullopt : std::optional(*answer);
}

std::optional<std::string> Nodes::leader() {
  std::optional<wire::StatusAnswer> leading;
  for (const std::string& name : names_) {
    if (!answers(name)) continue;
    const auto answer = status(name);
    if (!answer || answer->role != wire::Role::kLeader) continue;
    if (!leading || answer->term > leading->term) leading = answer;
  }
  return leading ? std::optional(leading->name) : std::nullopt;
}

}  // namespace lockstep::torture
