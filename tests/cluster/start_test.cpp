// Goal: a node that cannot run says why in one line, with file, line and key where there are such, ends as the table of
// docs/operations.md says, and leaves nothing behind; a node that may run does. Method: real starts, each with one
// thing wrong, and every row of the table among them.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "tests/support/cluster.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/wait_until.hpp"

using namespace lockstep;
using lockstep::testing::Cluster;
using lockstep::testing::Ended;
using lockstep::testing::free_endpoint;
using lockstep::testing::lockstepd_program;
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

// The rows of the table below "How a node ends": why, and the exit status, or the name of a signal.
std::map<std::string, std::string> documented_ends() {
  const std::string document = testing::read_file(LOCKSTEP_SOURCE "/docs/operations.md");
  const std::size_t start = document.find("\n### How a node ends\n");
  REQUIRE(start != std::string::npos);
  std::istringstream lines(document.substr(start + 1, document.find("\n## ", start + 1) - start));
  std::map<std::string, std::string> rows;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t bar = line.find(" | ");
    if (!line.starts_with("| ") || bar == std::string::npos) continue;
    rows[line.substr(2, bar - 2)] = line.substr(bar + 3, line.find(" |", bar + 3) - bar - 3);
  }
  rows.erase("why");
  return rows;
}

// What the document says of this row. The last test of this file looks for the words of every row in it.
std::string documented(const std::string& why) {
  const auto rows = documented_ends();
  REQUIRE_MESSAGE(rows.contains(why), "docs/operations.md does not have '", why, "'");
  return rows.at(why);
}

std::string shown(const Ended& ended) { return ended.signal == SIGABRT ? "SIGABRT" : std::to_string(ended.exit_code); }

std::string write_config(const std::filesystem::path& folder, const std::string& text) {
  const std::string file = (folder / "other.toml").string();
  std::ofstream(file) << text;
  return file;
}

// The one line, without "lockstepd: FILE:"; fails unless that was all, and the exit status is the documented one.
std::string one_line_of(const testing::Run& run, const std::string& file, const std::string& why) {
  CAPTURE(run.output);
  CHECK(shown(run.ended) == documented(why));
  const std::string start = "lockstepd: " + file + ":";
  REQUIRE(run.output.starts_with(start));
  REQUIRE(std::count(run.output.begin(), run.output.end(), '\n') == 1);
  return run.output.substr(start.size(), run.output.size() - start.size() - 1);
}

std::string start_fails(const std::filesystem::path& folder, const std::string& text, const std::string& why) {
  const std::string file = write_config(folder, text);
  return one_line_of(run_lockstepd({file}, folder), file, why);
}

// The same with something mounted over the data folder, in namespaces of its own. None if the machine allows none.
std::optional<std::string> start_on_mount_fails(const Cluster& cluster, const std::string& options,
                                                const std::string& why) {
  const std::filesystem::path log = cluster.folder() / "run.log";
  const auto run = [&](const std::string& command) {
    std::filesystem::remove(log);
    Process process({"/usr/bin/unshare", "--map-root-user", "--mount", "/bin/sh", "-c", command}, cluster.folder(),
                    log);
    const Ended ended = process.wait();
    return testing::Run{ended, testing::read_file(log)};
  };
  const std::string data = cluster.data_folder("a").string();
  std::filesystem::create_directories(data);
  const std::string mount = "mount -t tmpfs -o " + options + " none '" + data + "'";
  if (run(mount).ended.exit_code != 0) return std::nullopt;
  const std::string file = (cluster.folder() / "a.toml").string();
  return one_line_of(run(mount + " && exec '" + LOCKSTEPD + "' '" + file + "'"), file, why);
}

// The last line of a node's log, without its time, name and level.
std::string last_words(const std::string& log) {
  const std::size_t end = log.find_last_not_of('\n');
  const std::size_t start = log.rfind('\n', end) + 1;
  const std::string line = log.substr(start, end + 1 - start);
  const std::size_t text = line.find(": ");
  return text == std::string::npos ? line : line.substr(text + 2);
}

// Rows of the table.
constexpr const char* kPortTaken = "another program has a port";
constexpr const char* kNoDataFolder = "the data folder cannot be made, read or written";
constexpr const char* kDamaged = "the data are damaged beyond repair, or of another version";
constexpr const char* kAnothers = "the data are another member's, or of a cluster with other members";
constexpr const char* kMistake = "the configuration or the command line has a mistake";
constexpr const char* kRefused = "its cluster refuses it: its disk was wiped, or is another cluster's";
constexpr const char* kDisagree = "nodes that are to form a cluster disagree on its members";

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
    CHECK(start_fails(folder.path(), text, kPortTaken) ==
          std::to_string(line) + ": members[0]." + key + ": " + endpoint + kInUse);
    CHECK_FALSE(std::filesystem::exists(folder.path() / "data"));
  }
}

TEST_CASE("an address that the machine does not have, and a name that does not resolve, are named, and may come") {
  Cluster cluster(1);
  const std::string own = cluster.endpoints("a").client;
  const std::string port = own.substr(own.rfind(':'));
  const std::map<std::string, std::string> wrong{
      {"tcp://192.0.2.1" + port, "the machine does not have an address"},  // RFC 5737: for documents
      {"tcp://lockstep.invalid" + port, "a name does not resolve"}};       // RFC 6761: never there
  for (const auto& entry : wrong) {
    const auto& [endpoint, why] = entry;
    CAPTURE(entry.first);
    std::string text = "allow_plaintext = true\n" + cluster.config_text("a");
    replace(text, own, endpoint);
    CHECK(documented(why) == "1");
    CHECK(start_fails(cluster.folder(), text, why).starts_with("6: members[0].client: " + endpoint + ": "));
  }
  CHECK_FALSE(std::filesystem::exists(cluster.data_folder("a")));
}

TEST_CASE("a node whose port was taken starts when it comes free") {
  StartedCluster first(1);
  Cluster second(1);
  std::string text = second.config_text("a");
  replace(text, second.endpoints("a").client, first.endpoints("a").client);
  start_fails(second.folder(), text, kPortTaken);
  first.stop("a");
  const std::string file = write_config(second.folder(), text);
  Process node({LOCKSTEPD, file}, second.folder(), second.folder() / "log");
  REQUIRE(first.status("a", testing::kPatience));
}

TEST_CASE("a data folder that another node uses is refused, and that node goes on") {
  StartedCluster cluster(1);
  std::string text = cluster.config_text("a");
  const auto& at = cluster.endpoints("a");
  for (const std::string& endpoint : {at.client, at.peer, at.publish}) replace(text, endpoint, free_endpoint());
  CHECK(documented("another process uses the data folder") == "1");
  const std::string line = start_fails(cluster.folder(), text, "another process uses the data folder");
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
  const std::string line = start_fails(cluster.folder(), text, kNoDataFolder);
  CHECK(line.starts_with("2: data: "));
  CHECK(line.find(inside_a_file) != std::string::npos);
  CHECK(line.find("Not a directory") != std::string::npos);
}

TEST_CASE("a disk that cannot be written, and one that is full, are named, and may change") {
  CHECK(documented(kNoDataFolder) == "1");
  CHECK(documented("the disk is full") == "1");
  Cluster cluster(1);
  const auto read_only = start_on_mount_fails(cluster, "ro", kNoDataFolder);
  if (!read_only) {
    MESSAGE("skipped: this machine allows no mounts of one's own (unshare)");
    return;
  }
  CHECK(read_only->find("Read-only file system") != std::string::npos);
  const auto full = start_on_mount_fails(cluster, "size=1m", "the disk is full");
  REQUIRE(full);
  CHECK(full->find("No space left on device") != std::string::npos);
}

TEST_CASE("data that are damaged beyond repair are refused for good") {
  StartedCluster cluster(1);
  cluster.stop("a");
  const std::filesystem::path meta = cluster.data_folder("a") / "meta";
  const std::string damaged(std::filesystem::file_size(meta), 'x');
  std::ofstream(meta, std::ios::binary) << damaged;
  CHECK(documented(kDamaged) == "2");
  const std::string line = start_fails(cluster.folder(), cluster.config_text("a"), kDamaged);
  CHECK(line.find("both copies are damaged") != std::string::npos);
}

TEST_CASE("a disk that fails while the node runs ends it by SIGABRT") {
  StartedCluster cluster(1, "[storage]\nsegment_bytes = 65536\n");
  Client client = cluster.client({"a"});
  // What is open is written on; the next file cannot be made.
  std::filesystem::remove_all(cluster.data_folder("a"));
  for (int i = 0; i < 10'000 && client.preempt("lock " + std::to_string(i), std::chrono::seconds(5)); ++i) {
  }
  CHECK(shown(cluster.wait_for_end("a")) == documented("its disk fails while it runs, or an invariant is broken"));
  CHECK(cluster.log("a").find("this node ends itself: cannot ") != std::string::npos);
}

TEST_CASE("a data folder of another member, or of another cluster's members, is refused") {
  StartedCluster cluster(3);
  for (const std::string& name : cluster.names()) cluster.stop(name);

  std::string of_b = cluster.config_text("a");
  replace(of_b, cluster.data_folder("a").string(), cluster.data_folder("b").string());
  CHECK(documented(kAnothers) == "2");
  CHECK(start_fails(cluster.folder(), of_b, kAnothers) ==
        "2: data: " + cluster.data_folder("b").string() + " belongs to member 'b'");

  std::string renamed = cluster.config_text("a");
  replace(renamed, "name = \"c\"", "name = \"d\"");
  CHECK(start_fails(cluster.folder(), renamed, kAnothers) ==
        "3: members: the cluster whose data is in " + cluster.data_folder("a").string() +
            " has the members a, b, c, and its members cannot be changed. If that cluster is not needed any more, "
            "empty the "
            "folder and start again");

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
    CHECK(one_line_of(run_lockstepd(arguments, cluster.folder()), file, kMistake) ==
          "7: members[0].pubish: unknown key; known here are client, name, peer, publish");
  }
  CHECK_FALSE(std::filesystem::exists(cluster.data_folder("a")));
  CHECK(run_lockstepd({"--no-such-option"}, cluster.folder()).ended.exit_code == 2);
  CHECK(run_lockstepd({"one.toml", "two.toml"}, cluster.folder()).ended.exit_code == 2);
  const testing::Run missing = run_lockstepd({"missing.toml"}, cluster.folder());
  CHECK(missing.ended.exit_code == 2);
  CHECK(documented(kMistake) == "2");
  CHECK(missing.output == "lockstepd: missing.toml: cannot read it: No such file or directory\n");
}

TEST_CASE("a text that cannot be written does not pass for one that was") {
  TemporaryFolder folder;
  for (const char* text : {"--help", "--version", "--manual", "--completion bash"}) {
    for (const char* shut : {" > /dev/full", " >&-"}) {
      const std::string line = "exec \"$0\" " + std::string(text) + shut + " 2> told";
      Process process({"/bin/sh", "-c", line, lockstepd_program()}, folder.path(), folder.path() / "log");
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
  CHECK(shown(cluster.stop("a")) == documented("it was asked to, by SIGTERM or SIGINT"));
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
  CHECK(shown(impostor.ended) == documented(kRefused));
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
  CHECK(shown(cluster.wait_for_end(follower)) == documented(kRefused));
  CHECK(documented(kRefused) == "2");
  CAPTURE(cluster.log(follower));
  CHECK(last_words(cluster.log(follower)).find("knows another node by the name " + follower) != std::string::npos);
  const auto held = cluster.client(cluster.names_but(follower)).check("kept", wire::ReadMode::kLinearizable);
  REQUIRE(held);
  CHECK(held->lock);
}

TEST_CASE("nodes whose files list different members all stop, name the difference, and form once it is gone") {
  Cluster cluster(3);
  std::string text = cluster.config_text("a");
  replace(text, "name = \"c\"", "name = \"d\"");
  std::ofstream(cluster.folder() / "a.toml") << text;
  cluster.start_all();
  for (const std::string& name : cluster.names()) {
    CAPTURE(name);
    CHECK(shown(cluster.wait_for_end(name)) == documented(kDisagree));
    CAPTURE(cluster.log(name));
    const std::string words = last_words(cluster.log(name));
    CHECK(words.find(name == "a" ? "here they are [a, b, d]" : "here they are [a, b, c]") != std::string::npos);
    CHECK(words.find(name == "a" ? "has [a, b, c]" : "node a has [a, b, d]") != std::string::npos);
  }
  CHECK(documented(kDisagree) == "1");
  // The mistake was in one file, and only that one is corrected.
  std::ofstream(cluster.folder() / "a.toml") << cluster.config_text("a");
  cluster.start_all();
  cluster.leader();
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
  const std::string line = start_fails(cluster.folder(), text, kPortTaken);
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
  Process node({lockstepd_program(), file}, folder.path(), folder.path() / "log");
  ClientConfig config;
  config.endpoints = {stem + ".client"};
  config.timeout = testing::kPatience;
  auto client = Client::create(config);
  REQUIRE(client);
  const auto granted = client->preempt("over ipc");
  REQUIRE(granted);
  CHECK(granted->granted);
  // libzmq would take the paths from the node that has them.
  const std::string line = one_line_of(run_lockstepd({file}, folder.path()), file, kPortTaken);
  CHECK(line == "5: members[0].client: " + stem + ".client" + kInUse);
  CHECK(client->check("over ipc"));
}

TEST_CASE("a wrong port of one member in one file is named by the node that has it, and the cluster serves") {
  Cluster cluster(3);
  std::string text = cluster.config_text("b");
  const std::string wrong = free_endpoint();
  replace(text, cluster.endpoints("c").peer, wrong);
  std::ofstream(cluster.folder() / "b.toml") << text;
  cluster.start_all();
  cluster.leader();
  CHECK(cluster.client(cluster.names()).preempt("served"));
  const std::string told = "c is heard, but nothing that this node sends to its `peer` " + wrong;
  REQUIRE(wait_until([&] { return cluster.log("b").find(told) != std::string::npos; }));
  for (const char* other : {"a", "c"})
    CHECK(cluster.log(other).find("nothing that this node sends") == std::string::npos);
}

TEST_CASE("--check-config refuses listeners that overlap, and warns of a port that the machine gives away") {
  Cluster cluster(1);
  const std::string right = cluster.config_text("a");
  const std::string overlapping = "allow_plaintext = true\n" + right +
                                  "[listen]\nclient = \"tcp://0.0.0.0:7101\"\npeer = \"tcp://127.0.0.1:7101\"\n";
  const std::string file = write_config(cluster.folder(), overlapping);
  CHECK(one_line_of(run_lockstepd({"--check-config", file}, cluster.folder()), file, kMistake) ==
        "11: listen.peer: 'tcp://127.0.0.1:7101' overlaps with 'tcp://0.0.0.0:7101' of listen.client: give each a port "
        "of its own");

  std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
  int last = 0;
  range >> last >> last;
  REQUIRE(last > 0);
  std::string doubtful = right;
  replace(doubtful, cluster.endpoints("a").peer, "tcp://127.0.0.1:" + std::to_string(last));
  write_config(cluster.folder(), doubtful);
  const testing::Run warned = run_lockstepd({"--check-config", file}, cluster.folder());
  CHECK(warned.ended.exit_code == 0);
  CHECK(warned.output.find("lockstepd: warning: " + file + ":6: members[0].peer: port " + std::to_string(last) +
                           " is one that this machine gives to outgoing connections") != std::string::npos);
  CHECK(warned.output.find("no mistakes found") != std::string::npos);
}

TEST_CASE("every way to end that docs/operations.md lists is made to happen above") {
  const std::string source = testing::read_file(LOCKSTEP_SOURCE "/tests/cluster/start_test.cpp");
  CHECK(documented_ends().size() >= 10);
  for (const auto& end : documented_ends()) {
    const std::string& why = end.first;
    CHECK_MESSAGE(source.find('"' + why + '"') != std::string::npos, "no test makes a node end because ", why);
  }
}
