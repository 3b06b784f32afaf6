// Goal: a node that must not run says why in one line, with file, line and key where there are such, ends with 2, and
// leaves nothing behind; a node that may run does. Method: real starts, each with one thing wrong.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/support/cluster.hpp"

using namespace lockstep;
using lockstep::testing::Cluster;
using lockstep::testing::Ended;
using lockstep::testing::free_endpoint;
using lockstep::testing::Process;
using lockstep::testing::run_lockstepd;
using lockstep::testing::StartedCluster;
using lockstep::testing::TemporaryFolder;
using lockstep::testing::wait_until;

namespace {

void replace(std::string& text, const std::string& what, const std::string& with) {
  REQUIRE(text.find(what) != std::string::npos);
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
}

std::string write_config(const std::filesystem::path& folder, const std::string& text) {
  const std::string file = (folder / "other.toml").string();
  std::ofstream(file) << text;
  return file;
}

// The one line, without "lockstepd: FILE:"; fails unless that was all, with exit status 2.
std::string one_line_of(const testing::Run& run, const std::string& file) {
  CHECK(run.ended.exit_code == 2);
  CAPTURE(run.output);
  const std::string start = "lockstepd: " + file + ":";
  REQUIRE(run.output.starts_with(start));
  REQUIRE(std::count(run.output.begin(), run.output.end(), '\n') == 1);
  return run.output.substr(start.size(), run.output.size() - start.size() - 1);
}

std::string start_fails(const std::filesystem::path& folder, const std::string& text) {
  const std::string file = write_config(folder, text);
  return one_line_of(run_lockstepd({file}, folder), file);
}

// The last line of a node's log, without its time, name and level.
std::string last_words(const std::string& log) {
  const std::size_t end = log.find_last_not_of('\n');
  const std::size_t start = log.rfind('\n', end) + 1;
  const std::string line = log.substr(start, end + 1 - start);
  const std::size_t text = line.find(": ");
  return text == std::string::npos ? line : line.substr(text + 2);
}

constexpr const char* kInUse =
    ": address already in use; stop what has it (another node?), or change this key in the file of every member";

}  // namespace

TEST_CASE("a port in use is named, with its key and line, and nothing is left behind") {
  StartedCluster cluster(1);
  const auto& taken = cluster.endpoints("a");
  TemporaryFolder folder;
  const std::map<std::string, std::pair<int, std::string>> keys{
      {"client", {5, taken.client}}, {"peer", {6, taken.peer}}, {"publish", {7, taken.publish}}};
  for (const auto& entry : keys) {
    const auto& [key, where] = entry;
    CAPTURE(entry.first);
    const auto& [line, endpoint] = where;
    std::string text = cluster.config_text("a");
    replace(text, cluster.data_folder("a").string(), (folder.path() / "data").string());
    for (const auto& [other_key, other] : keys) {
      if (other_key != key) replace(text, other.second, free_endpoint());
    }
    CHECK(start_fails(folder.path(), text) == std::to_string(line) + ": members[0]." + key + ": " + endpoint + kInUse);
    CHECK_FALSE(std::filesystem::exists(folder.path() / "data"));
  }
}

TEST_CASE("a data folder that another node uses is refused, and that node goes on") {
  StartedCluster cluster(1);
  std::string text = cluster.config_text("a");
  const auto& at = cluster.endpoints("a");
  for (const std::string& endpoint : {at.client, at.peer, at.publish}) replace(text, endpoint, free_endpoint());
  const std::string line = start_fails(cluster.folder(), text);
  CHECK(line.starts_with("2: data: "));
  CHECK(line.find(cluster.data_folder("a").string()) != std::string::npos);
  CHECK(cluster.client({"a"}).preempt("still here"));
}

TEST_CASE("a data folder that cannot be made is refused") {
  Cluster cluster(1);
  std::string text = cluster.config_text("a");
  std::ofstream(cluster.folder() / "file") << "not a folder";
  const std::string inside_a_file = (cluster.folder() / "file" / "data").string();
  replace(text, cluster.data_folder("a").string(), inside_a_file);
  const std::string line = start_fails(cluster.folder(), text);
  CHECK(line.starts_with("2: data: "));
  CHECK(line.find(inside_a_file) != std::string::npos);
  CHECK(line.find("Not a directory") != std::string::npos);
}

TEST_CASE("a data folder of another member, or of another cluster's members, is refused") {
  StartedCluster cluster(3);
  for (const std::string& name : cluster.names()) cluster.stop(name);

  std::string of_b = cluster.config_text("a");
  replace(of_b, cluster.data_folder("a").string(), cluster.data_folder("b").string());
  CHECK(start_fails(cluster.folder(), of_b) ==
        "2: data: " + cluster.data_folder("b").string() + " belongs to member 'b'");

  std::string renamed = cluster.config_text("a");
  replace(renamed, "name = \"c\"", "name = \"d\"");
  CHECK(start_fails(cluster.folder(), renamed) == "3: members: the cluster whose data is in " +
                                                      cluster.data_folder("a").string() +
                                                      " has the members a, b, c, and its members cannot be changed");

  cluster.start_all();
  cluster.leader();
}

TEST_CASE("mistakes in the file and on the command line end with 2 before anything is opened") {
  Cluster cluster(1);
  std::string text = cluster.config_text("a");
  replace(text, "publish", "pubish");
  const std::string file = write_config(cluster.folder(), text);
  for (const std::vector<std::string>& arguments :
       {std::vector{file}, std::vector<std::string>{"--check-config", file}}) {
    CHECK(one_line_of(run_lockstepd(arguments, cluster.folder()), file) ==
          "7: members[0].pubish: unknown key; known here are client, name, peer, publish");
  }
  CHECK_FALSE(std::filesystem::exists(cluster.data_folder("a")));
  CHECK(run_lockstepd({"--no-such-option"}, cluster.folder()).ended.exit_code == 2);
  CHECK(run_lockstepd({"one.toml", "two.toml"}, cluster.folder()).ended.exit_code == 2);
  const testing::Run missing = run_lockstepd({"missing.toml"}, cluster.folder());
  CHECK(missing.ended.exit_code == 2);
  CHECK(missing.output == "lockstepd: missing.toml: cannot read it: No such file or directory\n");
}

TEST_CASE("a text that cannot be written does not pass for one that was") {
  TemporaryFolder folder;
  for (const char* text : {"--help", "--version", "--manual", "--completion bash"}) {
    for (const char* shut : {" > /dev/full", " >&-"}) {
      const std::string line = "exec \"$0\" " + std::string(text) + shut + " 2> told";
      Process process({"/bin/sh", "-c", line, LOCKSTEPD}, folder.path(), folder.path() / "log");
      CHECK(process.wait().exit_code == 3);
      CHECK(testing::read_file(folder.path() / "told") == "lockstepd: stdout cannot be written to\n");
    }
  }
}

TEST_CASE("help, version and a right file end with 0") {
  Cluster cluster(3);
  CHECK(run_lockstepd({"--check-config", (cluster.folder() / "a.toml").string()}, cluster.folder()).ended.exit_code ==
        0);
  CHECK_FALSE(std::filesystem::exists(cluster.data_folder("a")));
  const testing::Run version = run_lockstepd({"--version"}, cluster.folder());
  CHECK(version.ended.exit_code == 0);
  CHECK(version.output.starts_with("lockstepd "));
  const testing::Run help = run_lockstepd({"--help"}, cluster.folder());
  CHECK(help.ended.exit_code == 0);
  CHECK(help.output.find("Examples:") != std::string::npos);
}

TEST_CASE("SIGTERM stops a node cleanly, also before its cluster has formed") {
  Cluster cluster(3);
  cluster.start("a");
  REQUIRE(cluster.status("a", testing::kPatience));
  const Ended ended = cluster.stop("a");
  CHECK(ended.exit_code == 0);
  CHECK(last_words(cluster.log("a")) == "stopped");
}

TEST_CASE("a second node of one name is refused with the reason, and the cluster goes on") {
  StartedCluster cluster(3);
  const std::string follower = cluster.follower();
  const auto& own = cluster.endpoints(follower);
  std::string text = cluster.config_text(follower);
  for (const std::string& endpoint : {own.client, own.peer, own.publish}) replace(text, endpoint, free_endpoint());
  replace(text, cluster.data_folder(follower).string(), (cluster.folder() / "impostor").string());
  const std::string file = write_config(cluster.folder(), text);
  const testing::Run impostor = run_lockstepd({file}, cluster.folder());
  CHECK(impostor.ended.exit_code == 2);
  CAPTURE(impostor.output);
  CHECK(last_words(impostor.output).find("knows another node by the name " + follower) != std::string::npos);
  CHECK(cluster.client({follower}).preempt("still here"));
}

TEST_CASE("a node whose disk was emptied is refused, and told so") {
  StartedCluster cluster(3);
  const std::string follower = cluster.follower();
  REQUIRE(cluster.client({follower}).preempt("kept"));
  cluster.kill(follower);
  std::filesystem::remove_all(cluster.data_folder(follower));
  cluster.start(follower);
  CHECK(cluster.wait_for_end(follower).exit_code == 2);
  CAPTURE(cluster.log(follower));
  CHECK(last_words(cluster.log(follower)).find("knows another node by the name " + follower) != std::string::npos);
  const auto held = cluster.client(cluster.names_but(follower)).check("kept", wire::ReadMode::kLinearizable);
  REQUIRE(held);
  CHECK(held->lock);
}

TEST_CASE("nodes whose files list different members all stop and name the difference") {
  Cluster cluster(3);
  std::string text = cluster.config_text("a");
  replace(text, "name = \"c\"", "name = \"d\"");
  std::ofstream(cluster.folder() / "a.toml") << text;
  cluster.start_all();
  for (const std::string& name : cluster.names()) {
    CAPTURE(name);
    CHECK(cluster.wait_for_end(name).exit_code == 2);
    CAPTURE(cluster.log(name));
    const std::string words = last_words(cluster.log(name));
    CHECK(words.find(name == "a" ? "here they are [a, b, d]" : "here they are [a, b, c]") != std::string::npos);
    CHECK(words.find(name == "a" ? "has [a, b, c]" : "node a has [a, b, d]") != std::string::npos);
  }
}

TEST_CASE("a cluster forms only when all its members are there, in whatever order they come") {
  Cluster cluster(3);
  cluster.start("c");
  cluster.start("b");
  REQUIRE(cluster.status("c", testing::kPatience));
  REQUIRE(cluster.status("b", testing::kPatience));
  Client early = cluster.client({"c", "b"});
  const auto refused = early.preempt("too early", std::chrono::seconds(1));
  CHECK_FALSE(refused);
  CHECK(cluster.status("c")->role == wire::Role::kForming);
  cluster.start("a");
  cluster.leader();
  const auto granted = cluster.client(cluster.names()).preempt("in time");
  REQUIRE(granted);
  CHECK(granted->granted);
}

TEST_CASE("a cluster forms in spite of crashes while it does") {
  for (int round = 0; round < 5; ++round) {
    Cluster cluster(3);
    cluster.start_all();
    const std::string victim = cluster.names()[static_cast<std::size_t>(round) % 3];
    REQUIRE(wait_until([&] { return std::filesystem::exists(cluster.data_folder(victim) / "meta"); }));
    cluster.kill(victim);
    cluster.start(victim);
    cluster.leader();
    CHECK(cluster.client({victim}).preempt("formed"));
  }
}

TEST_CASE("nodes that listen on every interface are reached at the addresses that the members say") {
  Cluster cluster(3);
  for (const std::string& name : cluster.names()) {
    std::string listen = "allow_plaintext = true\n" + cluster.config_text(name) + "[listen]\n";
    const auto& at = cluster.endpoints(name);
    const auto everywhere = [](const std::string& endpoint) {
      return "\"tcp://0.0.0.0" + endpoint.substr(endpoint.rfind(':')) + "\"\n";
    };
    listen +=
        "client = " + everywhere(at.client) + "peer = " + everywhere(at.peer) + "publish = " + everywhere(at.publish);
    std::ofstream(cluster.folder() / (name + ".toml")) << listen;
  }
  cluster.start_all();
  const std::string leader = cluster.leader();
  CHECK(cluster.client({cluster.follower()}).preempt("through a follower"));
  const auto status = cluster.status(leader, testing::kPatience);
  REQUIRE(status);
  for (const auto& member : status->members) CHECK(member.client_endpoint == cluster.endpoints(member.name).client);

  std::string text = "allow_plaintext = true\n" + cluster.config_text("a");
  const std::string taken =
      "tcp://127.0.0.1" + cluster.endpoints("b").client.substr(cluster.endpoints("b").client.rfind(':'));
  text += "[listen]\nclient = \"" + taken + "\"\n";
  const std::string line = start_fails(cluster.folder(), text);
  CHECK(line.find("listen.client: " + taken + ": address already in use; stop what has it (another node?), or change " +
                  "this key") != std::string::npos);
  CHECK_FALSE(line.ends_with("in the file of every member"));
}

TEST_CASE("nodes over ipc serve as well as over tcp") {
  TemporaryFolder folder;
  const std::string stem = "ipc://" + (folder.path() / "node").string();
  const std::string text = "name = \"a\"\ndata = \"" + (folder.path() / "data").string() +
                           "\"\n[[members]]\nname = \"a\"\nclient = \"" + stem + ".client\"\npeer = \"" + stem +
                           ".peer\"\npublish = \"" + stem + ".publish\"\n";
  const std::string file = write_config(folder.path(), text);
  Process node({LOCKSTEPD, file}, folder.path(), folder.path() / "log");
  ClientConfig config;
  config.endpoints = {stem + ".client"};
  config.timeout = testing::kPatience;
  auto client = Client::create(config);
  REQUIRE(client);
  const auto granted = client->preempt("over ipc");
  REQUIRE(granted);
  CHECK(granted->granted);
  // libzmq would take the paths from the node that has them.
  const std::string line = one_line_of(run_lockstepd({file}, folder.path()), file);
  CHECK(line == "5: members[0].client: " + stem + ".client" + kInUse);
  CHECK(client->check("over ipc"));
}
