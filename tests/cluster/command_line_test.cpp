// Goal: scripts can rely on the command line: results, exit codes, JSON, and who the client is from one
// command to the next. Method: the built program against three real nodes, run as a shell would run it.
#include <doctest/doctest.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "tests/support/cluster.hpp"
#include "tests/support/wait_until.hpp"

using namespace lockstep;
using lockstep::testing::Ended;
using lockstep::testing::Process;
using lockstep::testing::read_file;
using lockstep::testing::StartedCluster;
using lockstep::testing::TemporaryFolder;
using lockstep::testing::wait_until;
using nlohmann::json;

namespace {

struct Result {
  int exit_code = -1;
  std::string out;
  std::string err;
  json object() const {
    const json parsed = json::parse(out, nullptr, false);
    REQUIRE_MESSAGE(parsed.is_object(), ("not one JSON object: " + out + err));
    return parsed;
  }
  std::vector<json> objects() const {
    std::vector<json> parsed;
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);) parsed.push_back(json::parse(line));
    return parsed;
  }
};

// A user with a state folder, who runs commands.
class User {
 public:
  explicit User(std::string servers) : servers_(std::move(servers)) {}

  Process start(const std::vector<std::string>& arguments, const std::string& input = {}) {
    std::ofstream(folder_.path() / "in") << input;
    std::vector<std::string> command{"/usr/bin/env",
                                     "XDG_STATE_HOME=" + folder_.path().string(),
                                     "LOCKSTEP_SERVER=" + servers_,
                                     "/bin/sh",
                                     "-c",
                                     "exec \"$@\" < in > out 2> err",
                                     "sh",
                                     LOCKSTEP};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return Process(command, folder_.path(), folder_.path() / "log");
  }
  Result run(const std::vector<std::string>& arguments, const std::string& input = {}) {
    Process process = start(arguments, input);
    const Ended ended = process.wait();
    return Result{ended.exit_code, read_file(folder_.path() / "out"), read_file(folder_.path() / "err")};
  }
  Result run_json(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--json");
    return run(arguments);
  }
  std::string kept_file() const {
    const auto folder = folder_.path() / "lockstep";
    std::string id = read_file(folder / "client-id");
    if (!id.empty()) id.pop_back();
    return read_file(folder / id);
  }
  void use_servers(std::string servers) { servers_ = std::move(servers); }

 private:
  TemporaryFolder folder_;
  std::string servers_;
};

std::string servers_of(StartedCluster& cluster, const std::vector<std::string>& names) {
  std::string servers;
  for (const std::string& name : names) servers += (servers.empty() ? "" : ",") + cluster.endpoints(name).client;
  return servers;
}

constexpr const char* kOtherId = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

}  // namespace

TEST_CASE("preempt, check and release in separate commands are one client, through any node") {
  StartedCluster cluster(3);
  User user(servers_of(cluster, cluster.names()));
  const Result granted = user.run_json({"preempt", "a"});
  CHECK(granted.exit_code == 0);
  CHECK(granted.object()["result"] == "granted");
  const std::string me = granted.object()["owner"];
  const std::uint64_t token = granted.object()["token"];

  for (const std::string& node : cluster.names()) {
    user.use_servers(cluster.endpoints(node).client);
    const Result check = user.run_json({"check", "a"});
    CHECK(check.exit_code == 0);
    CHECK(check.object()["result"] == "held");
    CHECK(check.object()["owner"] == me);
    CHECK(check.object()["token"] == token);
    CHECK(check.object()["applied_index"] >= token);
    CHECK(user.run({"check", "a", "--linearizable"}).exit_code == 0);
    const Result again = user.run_json({"preempt", "a"});
    CHECK(again.exit_code == 1);
    CHECK(again.object()["result"] == "held");
    CHECK(again.object()["owner"] == me);
  }
  CHECK(user.run_json({"release", "a"}).object()["result"] == "released");
  const Result not_holder = user.run_json({"release", "a"});
  CHECK(not_holder.exit_code == 1);
  CHECK(not_holder.object()["result"] == "not_holder");
  const Result free = user.run_json({"check", "a"});
  CHECK(free.exit_code == 1);
  CHECK(free.object()["result"] == "free");
}

TEST_CASE("two client ids are two clients") {
  StartedCluster cluster(3);
  User user(servers_of(cluster, cluster.names()));
  const Result mine = user.run_json({"preempt", "a"});
  REQUIRE(mine.exit_code == 0);
  const Result held = user.run_json({"--client-id", kOtherId, "preempt", "a"});
  CHECK(held.exit_code == 1);
  CHECK(held.object()["owner"] == mine.object()["owner"]);
  const Result refused = user.run_json({"--client-id", kOtherId, "release", "a"});
  CHECK(refused.exit_code == 1);
  CHECK(refused.object()["result"] == "not_holder");
  CHECK(user.run({"release", "a"}).exit_code == 0);
  const Result theirs = user.run_json({"--client-id", kOtherId, "preempt", "a"});
  CHECK(theirs.exit_code == 0);
  CHECK(theirs.object()["owner"] == kOtherId);
  CHECK(theirs.object()["token"] > mine.object()["token"]);
}

TEST_CASE("results go to stdout, errors to stderr, and the exit code tells usage from unavailable") {
  User user("tcp://127.0.0.1:1");
  const Result bad_name = user.run({"preempt", "a\tb"});
  CHECK(bad_name.exit_code == 2);
  CHECK(bad_name.out.empty());
  CHECK(bad_name.err.find("invalid_name") != std::string::npos);
  CHECK(user.run_json({"preempt", ""}).object()["error"] == "invalid_name");
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{},
                                                {"preempt"},
                                                {"steal", "a"},
                                                {"preempt", "a", "--timeout", "5"},
                                                {"--client-id", "me", "check", "a"},
                                                {"preempt", "a", "b"},
                                                {"--server", "7101", "check", "a"}}) {
    const Result usage = user.run(wrong);
    CAPTURE(usage.err);
    CHECK(usage.exit_code == 2);
    CHECK(usage.out.empty());
    CHECK_FALSE(usage.err.empty());
  }
  CHECK(user.run_json({"preempt"}).object()["error"] == "usage");

  const auto start = std::chrono::steady_clock::now();
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"preempt", "a"}, {"release", "a"}, {"check", "a"}, {"list"}, {"status"}}) {
    std::vector<std::string> impatient{"--timeout", "300ms"};
    impatient.insert(impatient.end(), command.begin(), command.end());
    CHECK(user.run(impatient).exit_code == 3);
    const Result as_json = user.run_json(impatient);
    CHECK(as_json.exit_code == 3);
    CHECK(as_json.object()["error"] == "unavailable");
    CHECK(as_json.object()["definite"] == false);
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
  CHECK(user.run({"--version"}).out.find("lockstep ") == 0);
  CHECK(user.run({"--help"}).out.find("Examples") != std::string::npos);
}

TEST_CASE("status shows every member, also one that is down") {
  StartedCluster cluster(3);
  User user(servers_of(cluster, cluster.names()));
  const std::string down = cluster.follower();
  const std::string leader = cluster.leader();
  cluster.kill(down);
  const Result status = user.run_json({"status"});
  CHECK(status.exit_code == 0);
  const auto nodes = status.objects();
  REQUIRE(nodes.size() == 3);
  for (const json& node : nodes) {
    const std::string name = node.at("name");
    if (name == down) {
      CHECK(node.at("error") == "unavailable");
      continue;
    }
    CHECK(node.at("role") == (name == leader ? "leader" : "follower"));
    CHECK(node.at("pid") == cluster.pid(name));
    CHECK(node.at("term") > 0);
    CHECK(node.at("commit_index") >= node.at("applied_index"));
  }
  const Result table = user.run({"status"});
  CHECK(table.out.find("unreachable") != std::string::npos);
  CHECK(table.out.find(cluster.endpoints(down).client) != std::string::npos);
}

TEST_CASE("list shows what is held, in order, page by page") {
  StartedCluster cluster(1);
  User user(servers_of(cluster, cluster.names()));
  Client client = cluster.client(cluster.names());
  const std::size_t locks = wire::kMaxListPage + 5;
  for (std::size_t i = 0; i < locks; ++i) REQUIRE(client.preempt("many/" + std::to_string(10'000 + i))->granted);
  REQUIRE(client.preempt("other")->granted);
  const auto listed = user.run_json({"list", "many/"}).objects();
  REQUIRE(listed.size() == locks);
  for (std::size_t i = 0; i < locks; ++i) CHECK(listed[i].at("name") == "many/" + std::to_string(10'000 + i));
  CHECK(user.run_json({"list"}).objects().size() == locks + 1);
  const Result none = user.run({"list", "nothing/"});
  CHECK(none.exit_code == 0);
  CHECK(none.out.empty());
}

TEST_CASE("a command goes on when the leader dies, and a dead server costs a moment") {
  StartedCluster cluster(3);
  User user(servers_of(cluster, cluster.names()));
  REQUIRE(user.run({"preempt", "a"}).exit_code == 0);
  const std::string leader = cluster.leader();
  cluster.kill(leader);
  std::vector<std::string> names{leader};
  for (const std::string& name : cluster.names_but(leader)) names.push_back(name);
  user.use_servers(servers_of(cluster, names));
  CHECK(user.run({"--timeout", "30s", "preempt", "b"}).exit_code == 0);
  CHECK(user.run({"check", "a", "--linearizable"}).exit_code == 0);
  CHECK(user.run({"release", "a"}).exit_code == 0);
}

TEST_CASE("a command killed before its answer is finished by the next one, and nothing runs twice") {
  StartedCluster cluster(3);
  const std::string asked = cluster.leader();
  User user(cluster.endpoints(asked).client);
  REQUIRE(user.run({"preempt", "warm-up"}).exit_code == 0);
  // Without its followers the node takes the request, and nothing can commit it.
  const auto others = cluster.names_but(asked);
  for (const std::string& name : others) cluster.pause(name);
  {
    Process killed = user.start({"--timeout", "30s", "preempt", "a"});
    REQUIRE(wait_until([&] { return user.kept_file().find("\"name\": \"a\"") != std::string::npos; }));
    killed.signal(SIGKILL);
    CHECK(killed.wait().signal == SIGKILL);
  }
  for (const std::string& name : others) cluster.resume(name);

  SUBCASE("by repeating it: the one grant is the answer of the repetition") {
    const Result repeated = user.run_json({"--timeout", "30s", "preempt", "a"});
    CHECK(repeated.exit_code == 0);
    CHECK(repeated.object()["result"] == "granted");
    const std::uint64_t token = repeated.object()["token"];
    CHECK(user.run_json({"check", "a", "--linearizable"}).object()["token"] == token);
    CHECK(user.run({"preempt", "a"}).exit_code == 1);
  }
  SUBCASE("by another command: the killed one runs before it, and never after") {
    CHECK(user.run({"--timeout", "30s", "release", "a"}).exit_code == 0);
    CHECK(user.run({"check", "a", "--linearizable"}).exit_code == 1);
    const Result other = user.run_json({"--client-id", kOtherId, "preempt", "a"});
    CHECK(other.exit_code == 0);
    CHECK(user.run_json({"check", "a", "--linearizable"}).object()["owner"] == kOtherId);
  }
  CHECK(user.kept_file().find("\"unfinished\": []") != std::string::npos);
}

TEST_CASE("the shell takes commands from a pipe as one client, and releases what it holds") {
  StartedCluster cluster(3);
  User user(servers_of(cluster, cluster.names()));
  const Result shell = user.run({"shell"}, "preempt 'a b'\ncheck 'a b'\nlist\nnonsense\n\nstatus\nhelp\nrelease c\n");
  CHECK(shell.exit_code == 1);  // of the last command
  CHECK(shell.out.find("granted a b") == 0);
  CHECK(shell.out.find("held a b by") != std::string::npos);
  CHECK(shell.out.find("not_holder c") != std::string::npos);
  CHECK(shell.err.find("nonsense") != std::string::npos);
  CHECK(shell.err.find("released a b") != std::string::npos);
  CHECK(user.run({"check", "a b", "--linearizable"}).exit_code == 1);

  CHECK(user.run({"--client-id", kOtherId, "shell"}, "preempt kept\nquit\npreempt never\n").exit_code == 0);
  CHECK(user.run({"check", "kept", "--linearizable"}).exit_code == 0);
  CHECK(user.run({"check", "never", "--linearizable"}).exit_code == 1);
  CHECK(user.run({"--client-id", kOtherId, "release", "kept"}).exit_code == 0);
}
