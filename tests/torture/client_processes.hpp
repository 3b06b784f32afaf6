// The processes of clients of one run, started, killed and stopped from outside. Used by one thread.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "protocol/base/random.hpp"
#include "tests/support/process.hpp"
#include "tests/torture/nodes.hpp"

namespace lockstep::torture {

class ClientProcesses {
 public:
  // `clients` of them, in a few processes of this program. Starts none.
  ClientProcesses(std::size_t clients, std::uint64_t seed, const Nodes& nodes, std::filesystem::path folder);

  void start_all();
  std::string some(Random& random) const;
  void kill(const std::string& name);
  void start_again(const std::string& name);  // other clients in its place, with numbers of their own
  void pause(const std::string& name);
  void resume_all();
  // SIGTERM to all, then waits for them. Names of those that did not end, or not well.
  std::vector<std::string> stop_all();
  // Those that ended by themselves since the last look.
  std::vector<std::string> take_dead();

  const std::vector<std::filesystem::path>& records() const { return records_; }
  // Lines written so far, which is twice the calls, about.
  std::uint64_t calls();

 private:
  void start(const std::string& name);

  std::size_t clients_;
  std::uint64_t seed_;
  const Nodes& nodes_;
  std::filesystem::path folder_;
  std::vector<std::string> names_;
  std::map<std::string, testing::Process> processes_;
  std::map<std::string, std::filesystem::path> record_of_;  // of each that runs or did
  std::set<std::string> paused_;
  std::vector<std::filesystem::path> records_;
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> counted_;  // by record: bytes read, lines in them
  int next_client_ = 1;
};

}  // namespace lockstep::torture
