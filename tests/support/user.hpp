// A user of the program `lockstep`, with a state folder of its own, who runs commands as a shell would.
#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/cluster.hpp"
#include "tests/support/programs.hpp"

namespace lockstep::testing {

struct Result {
  int exit_code = -1;
  std::string out;
  std::string err;
  nlohmann::json object() const {
    const nlohmann::json parsed = nlohmann::json::parse(out, nullptr, false);
    REQUIRE_MESSAGE(parsed.is_object(), ("not one JSON object: " + out + err));
    return parsed;
  }
  std::vector<nlohmann::json> objects() const { return objects_in(out); }

  static std::vector<nlohmann::json> objects_in(const std::string& text) {
    std::vector<nlohmann::json> parsed;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line) && !lines.eof();) parsed.push_back(nlohmann::json::parse(line));
    return parsed;
  }
};

class User {
 public:
  // Its configuration gives the nodes time: the machine may be busy. A test of what a timeout does says --timeout.
  explicit User(std::string servers) : servers_(std::move(servers)) { configure("timeout = \"60s\"\n"); }
  // Who asks every node, in order.
  explicit User(Cluster& cluster) : User(servers_of(cluster, cluster.names())) {}

  static std::string servers_of(const Cluster& cluster, const std::vector<std::string>& names) {
    std::string servers;
    for (const std::string& name : names) servers += (servers.empty() ? "" : ",") + cluster.endpoints(name).client;
    return servers;
  }

  // `words` in this user's environment.
  std::vector<std::string> command_of(const std::vector<std::string>& words) const {
    std::vector<std::string> command{"/usr/bin/env", "XDG_STATE_HOME=" + folder().string(),
                                     "XDG_CONFIG_HOME=" + (folder() / "config").string(),
                                     "LOCKSTEP_SERVER=" + servers_};
    command.insert(command.end(), words.begin(), words.end());
    return command;
  }

  Process start(const std::vector<std::string>& arguments, const std::string& input = {}) {
    std::ofstream(folder() / "in") << input;
    std::vector<std::string> command =
        command_of({"/bin/sh", "-c", "exec \"$@\" < in > out 2> err", "sh", lockstep_program()});
    command.insert(command.end(), arguments.begin(), arguments.end());
    for (const char* name : {"out", "err"}) std::filesystem::remove(folder() / name);
    return Process(command, folder(), folder() / "log");
  }
  Result run(const std::vector<std::string>& arguments, const std::string& input = {}) {
    Process process = start(arguments, input);
    const Ended ended = process.wait();
    return Result{ended.exit_code, file("out"), file("err")};
  }
  Result run_json(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--json");
    return run(arguments);
  }

  const std::filesystem::path& folder() const { return folder_.path(); }
  // What a command has written so far: "out", "err", or a file of its own.
  std::string file(const std::string& name) const { return read_file(folder() / name); }
  std::string kept_file() const {
    const auto kept = folder() / "lockstep";
    std::string id = read_file(kept / "client-id");
    if (!id.empty()) id.pop_back();
    return read_file(kept / id);
  }
  // The whole of this user's client.toml.
  void configure(const std::string& text) {
    const auto folder = this->folder() / "config" / "lockstep";
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "client.toml") << text;
  }
  void use_servers(std::string servers) { servers_ = std::move(servers); }

 private:
  TemporaryFolder folder_;
  std::string servers_;
};

}  // namespace lockstep::testing
