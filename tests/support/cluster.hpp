// Real lockstepd processes on loopback, for tests: started, killed, paused and asked as an operator would.
//
// Each Cluster has a folder of its own with configurations, data and logs, and ports that no other test has.
// Nothing outlives it. A node that ended although nobody ended it fails the test, and its log is shown.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/client.hpp"
#include "tests/support/free_endpoint.hpp"
#include "tests/support/process.hpp"
#include "tests/support/raw_client.hpp"

namespace lockstep::testing {

struct Endpoints {
  std::string client = free_endpoint();
  std::string peer = free_endpoint();
  std::string publish = free_endpoint();
};

class Cluster {
 public:
  // Makes configurations for members named a, b, c, ..., and starts nothing. `settings`: more of them, for every node.
  explicit Cluster(std::size_t size, std::string settings = "");
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  const std::vector<std::string>& names() const { return names_; }
  std::vector<std::string> names_but(const std::string& name) const;
  const Endpoints& endpoints(const std::string& name) const { return endpoints_.at(name); }
  const std::filesystem::path& folder() const { return folder_.path(); }
  std::filesystem::path data_folder(const std::string& name) const { return folder() / "data" / name; }
  // A configuration of this cluster, to be changed and written to a file of its own.
  std::string config_text(const std::string& name) const;
  std::string log(const std::string& name) const { return read_file(folder() / (name + ".log")); }
  std::shared_ptr<Context> context() { return context_; }

  void start(const std::string& name);
  void start(const std::vector<std::string>& names);
  void start_all() { start(names_); }
  void kill(const std::string& name);           // SIGKILL: a crash that the disk survives
  void kill_all();                              // all at once
  Ended stop(const std::string& name);          // SIGTERM
  Ended wait_for_end(const std::string& name);  // of a node that must end by itself
  void pause(const std::string& name);          // SIGSTOP
  void resume(const std::string& name);
  bool is_running(const std::string& name) { return nodes_.contains(name); }
  pid_t pid(const std::string& name) const { return nodes_.at(name).pid(); }

  // Waits until all running nodes name the same leader, one of them, and returns it.
  std::string leader();
  // Of all running nodes, some that does not lead.
  std::string follower();
  // None if the node does not answer in time.
  std::optional<wire::StatusAnswer> status(const std::string& name,
                                           std::chrono::milliseconds patience = std::chrono::seconds(1));

  RawClient raw_client(const std::string& name) { return RawClient(context_, endpoints(name).client); }
  // A client that asks these nodes, in this order. With TTL 0 what it takes stays, whatever becomes of it.
  Client client(const std::vector<std::string>& names, Duration ttl = Duration::zero());

 private:
  Ended take_end(const std::string& name);

  TemporaryFolder folder_;
  std::string settings_;
  std::vector<std::string> names_;
  std::map<std::string, Endpoints> endpoints_;
  std::map<std::string, Process> nodes_;  // those that run
  std::map<std::string, bool> paused_;
  std::shared_ptr<Context> context_ = std::make_shared<Context>();
};

// For tests of what must not change: on a busy machine, too, no node starts an election. Its first one takes as long.
inline constexpr const char* kNoElections = "[timing]\nelection_timeout_min = \"8s\"\nelection_timeout_max = \"10s\"\n";

// A cluster all of whose nodes run and agree on a leader.
struct StartedCluster : Cluster {
  explicit StartedCluster(std::size_t size, std::string settings = "");
};

// Runs lockstepd to its end: for starts that must fail.
struct Run {
  Ended ended;
  std::string output;  // of stdout and stderr
};
Run run_lockstepd(const std::vector<std::string>& arguments, const std::filesystem::path& folder);

}  // namespace lockstep::testing
