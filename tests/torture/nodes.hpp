// The nodes of the cluster under torture: real lockstepd processes that reach each other through a Network, and clients
// that reach them directly. Used by one thread.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "nodes/transport/context.hpp"
#include "protocol/wire/client_messages.hpp"
#include "tests/support/process.hpp"
#include "tests/torture/network.hpp"

namespace lockstep::torture {

class Nodes {
 public:
  // Writes configurations under `folder` for nodes a, b, c, ... and starts none.
  Nodes(std::size_t count, const std::filesystem::path& folder, std::string program, Network& network);

  const std::vector<std::string>& names() const { return names_; }
  const std::string& client_endpoint(const std::string& name) const { return endpoints_.at(name); }
  std::vector<std::string> client_endpoints() const;
  std::filesystem::path data_folder(const std::string& name) const { return folder_ / "data" / name; }
  std::filesystem::path log_file(const std::string& name) const { return folder_ / (name + ".log"); }

  void start(const std::string& name);
  void start_all();
  void kill(const std::string& name);   // SIGKILL
  void kill_all();                      // all at one moment
  void pause(const std::string& name);  // SIGSTOP
  void resume_all();
  bool runs(const std::string& name) const { return processes_.contains(name); }
  bool answers(const std::string& name) const { return runs(name) && !paused_.contains(name); }
  // Nodes that ended by themselves since the last look, each with how: they run no more.
  std::map<std::string, testing::Ended> take_dead();
  // SIGTERM to all; true if all ended cleanly.
  bool stop_all();

  const std::shared_ptr<Context>& context() const { return context_; }
  std::optional<wire::StatusAnswer> status(const std::string& name);
  // Who leads now, by its own word; of several the one of the highest term. None if nobody does.
  std::optional<std::string> leader();

 private:
  std::filesystem::path folder_;
  std::string program_;
  std::vector<std::string> names_;
  std::map<std::string, std::string> endpoints_;  // for clients
  std::map<std::string, testing::Process> processes_;
  std::set<std::string> paused_;
  std::shared_ptr<Context> context_ = std::make_shared<Context>();
};

}  // namespace lockstep::torture
