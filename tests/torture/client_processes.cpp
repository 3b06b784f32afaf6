#include "tests/torture/client_processes.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>

#include "tests/support/wait_until.hpp"

namespace lockstep::torture {
namespace {

constexpr std::size_t kMostProcesses = 4;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

}  // namespace

ClientProcesses::ClientProcesses(std::size_t clients, std::uint64_t seed, const Nodes& nodes,
                                 std::filesystem::path folder)
    : clients_(clients), seed_(seed), nodes_(nodes), folder_(std::move(folder)) {
  for (std::size_t i = 0; i < std::min(clients, kMostProcesses); ++i) names_.push_back("clients-" + std::to_string(i));
}

void ClientProcesses::start_all() {
  for (const std::string& name : names_) start(name);
}

void ClientProcesses::start(const std::string& name) {
  const auto place = static_cast<std::size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin());
  const std::size_t count = clients_ / names_.size() + (place < clients_ % names_.size() ? 1 : 0);
  records_.push_back(folder_ / (name + "-from-" + std::to_string(next_client_) + ".jsonl"));
  record_of_[name] = records_.back();
  const std::vector<std::string> command{"/proc/self/exe", "clients",
                                         "--first",        std::to_string(next_client_),
                                         "--count",        std::to_string(count),
                                         "--nodes",        joined(nodes_.names()),
                                         "--endpoints",    joined(nodes_.client_endpoints()),
                                         "--seed",         std::to_string(seed_),
                                         "--record",       records_.back().string()};
  processes_.try_emplace(name, command, folder_, folder_ / (name + ".log"));
  next_client_ += static_cast<int>(count);
}

std::string ClientProcesses::some(Random& random) const { return names_[random.below(names_.size())]; }

void ClientProcesses::kill(const std::string& name) {
  const auto process = processes_.find(name);
  if (process == processes_.end()) return;
  process->second.signal(SIGKILL);
  process->second.wait();
  processes_.erase(process);
  paused_.erase(name);
}

void ClientProcesses::start_again(const std::string& name) {
  if (!processes_.contains(name)) start(name);
}

void ClientProcesses::pause(const std::string& name) {
  processes_.at(name).signal(SIGSTOP);
  paused_.insert(name);
}

void ClientProcesses::resume_all() {
  for (const std::string& name : paused_) processes_.at(name).signal(SIGCONT);
  paused_.clear();
}

std::vector<std::string> ClientProcesses::stop_all() {
  std::vector<std::string> bad;
  for (auto& entry : processes_) {
    // Before it has begun its record it does not know yet what SIGTERM means.
    testing::wait_until([&] { return std::filesystem::exists(record_of_[entry.first]) || entry.second.ended(); });
    entry.second.signal(SIGTERM);
  }
  for (auto& entry : processes_) {
    const bool in_time = testing::wait_until([&] { return entry.second.ended().has_value(); });
    if (!in_time || entry.second.ended()->exit_code != 0) bad.push_back(entry.first);
  }
  processes_.clear();
  return bad;
}

std::vector<std::string> ClientProcesses::take_dead() {
  std::vector<std::string> dead;
  for (auto& [name, process] : processes_) {
    if (process.ended()) dead.push_back(name);
  }
  for (const std::string& name : dead) {
    processes_.erase(name);
    paused_.erase(name);
  }
  return dead;
}

std::uint64_t ClientProcesses::calls() {
  std::uint64_t lines = 0;
  for (const auto& record : records_) {
    auto& [bytes, counted] = counted_[record.string()];
    std::ifstream file(record, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(bytes));
    std::string piece(1 << 20, '\0');
    while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())), file.gcount() > 0) {
      bytes += static_cast<std::uint64_t>(file.gcount());
      counted += static_cast<std::uint64_t>(std::count(piece.begin(), piece.begin() + file.gcount(), '\n'));
    }
    lines += counted;
  }
  return lines / 2;
}

}  // namespace lockstep::torture
