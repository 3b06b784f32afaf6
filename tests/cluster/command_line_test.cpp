// Goal: scripts can rely on the command line: results, exit codes, JSON, and who the client is from one
// command to the next. Method: the built program against three real nodes, run as a shell would run it.
#include <doctest/doctest.h>

#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include <nlohmann/json.hpp>

#include "tests/support/cluster.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/user.hpp"
#include "tests/support/wait_until.hpp"

using namespace lockstep;
using lockstep::testing::lockstep_program;
using lockstep::testing::Process;
using lockstep::testing::Result;
using lockstep::testing::StartedCluster;
using lockstep::testing::User;
using lockstep::testing::wait_until;
using nlohmann::json;

namespace {

constexpr const char* kOtherId = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

}  // namespace

TEST_CASE("preempt, check and release in separate commands are one client, through any node") {
  StartedCluster cluster(3);
  User user(cluster);
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
  User user(cluster);
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
                                                {"preempt", "a", "--timeout", "5x"},
                                                {"--client-id", "me", "check", "a"},
                                                {"preempt", "a", "b"},
                                                {"acquire", "a", "a"},
                                                {"acquire", "a", "--shared", "--permits", "2"},
                                                {"acquire", "a", "--wait", "soon"},
                                                {"release", "a", "--why", "without force"},
                                                {"verify", "a"},
                                                {"session", "close"},
                                                {"session", "close", "x"},
                                                {"--server", "7101", "check", "a"}}) {
    const Result usage = user.run(wrong);
    CAPTURE(usage.err);
    CHECK(usage.exit_code == 2);
    CHECK(usage.out.empty());
    CHECK_FALSE(usage.err.empty());
  }
  CHECK(user.run_json({"preempt"}).object()["error"] == "usage");

  for (const std::vector<std::string>& command : {std::vector<std::string>{"preempt", "a"},
                                                  {"acquire", "a"},
                                                  {"release", "a"},
                                                  {"release", "a", "--force"},
                                                  {"check", "a"},
                                                  {"verify", "a", "1"},
                                                  {"list"},
                                                  {"count"},
                                                  {"watch"},
                                                  {"history"},
                                                  {"sessions"},
                                                  {"session", "close", "3"},
                                                  {"status"}}) {
    std::vector<std::string> impatient{"--timeout", "300ms"};
    impatient.insert(impatient.end(), command.begin(), command.end());
    CHECK(user.run(impatient).exit_code == 3);
    const Result as_json = user.run_json(impatient);
    CHECK(as_json.exit_code == 3);
    CHECK(as_json.object()["error"] == "unavailable");
    CHECK(as_json.object()["definite"] == false);
  }
  CHECK(user.run({"--version"}).out.find("lockstep ") == 0);
  CHECK(user.run({"--help"}).out.find("Examples") != std::string::npos);
}

TEST_CASE("an answer that cannot be written is not taken for silence") {
  StartedCluster cluster(1);
  User user(cluster);
  REQUIRE(user.run({"preempt", "a"}).exit_code == 0);
  REQUIRE(user.run({"preempt", "over"}).exit_code == 0);
  REQUIRE(user.run({"release", "over"}).exit_code == 0);
  const std::string request = "zmq req " + cluster.endpoints("a").client + " '{\"type\":\"status\"}'";
  for (const std::string& command :
       {std::string("status"), std::string("status --node"), std::string("check a"), std::string("check a over"),
        std::string("verify a 1"), std::string("list"), std::string("count"), std::string("history"),
        std::string("history --follow"), std::string("sessions"), std::string("watch"), std::string("release a b"),
        std::string("--help"), std::string("--version"), std::string("manual"), std::string("completion bash"),
        request}) {
    CAPTURE(command);
    for (const char* form : {"", "--json "}) {
      for (const char* shut : {" > /dev/full", " >&-"}) {
        const std::string line = "exec \"$0\" " + (form + command) + shut + " 2> told";
        Process listing(user.command_of({"/bin/sh", "-c", line, lockstep_program()}), user.folder(),
                        user.folder() / "log");
        CHECK(listing.wait().exit_code == 3);
        const std::string told = user.file("told");
        CHECK(told.starts_with("lockstep: stdout cannot be written to, so the answer is lost; "));
        CHECK(std::count(told.begin(), told.end(), '\n') == 1);
      }
    }
  }
  CHECK(user.run({"status"}).exit_code == 0);
  // Who has read enough of a pipe is told no more, also where SIGPIPE is ignored.
  const std::string line = "trap '' PIPE; { sleep 0.3; \"$0\" status; echo $? > code; } | true";
  Process piped(user.command_of({"/bin/sh", "-c", line, lockstep_program()}), user.folder(), user.folder() / "log");
  CHECK(piped.wait().exit_code == 0);
  CHECK(user.file("code") == "0\n");
}

TEST_CASE("release and check take several names, each with an answer of its own and the highest exit code") {
  StartedCluster cluster(1);
  User user(cluster);
  REQUIRE(user.run({"acquire", "a", "b", "c"}).exit_code == 0);
  REQUIRE(user.run({"--client-id", kOtherId, "preempt", "theirs"}).exit_code == 0);
  const Result held = user.run_json({"check", "a", "b"});
  CHECK(held.exit_code == 0);
  REQUIRE(held.objects().size() == 2);
  CHECK(held.objects()[1]["name"] == "b");
  CHECK(user.run({"check", "nothing", "a"}).exit_code == 1);
  CHECK(user.run({"release", "a", "b"}).out == "released a\nreleased b\n");
  const Result mixed = user.run_json({"release", "theirs", "c"});
  CHECK(mixed.exit_code == 1);
  REQUIRE(mixed.objects().size() == 2);
  CHECK(mixed.objects()[0]["result"] == "not_holder");
  CHECK(mixed.objects()[0]["note"].get<std::string>().ends_with(" lockstep"));
  CHECK(mixed.objects()[1]["result"] == "released");
  CHECK(user.run({"release", "a", "a"}).exit_code == 2);
  const Result forced = user.run({"release", "theirs", "a", "--force"});
  CHECK(forced.out.starts_with(std::string("released theirs, held before by ") + kOtherId + " ("));
  CHECK(forced.out.ends_with(")\nfree a\n"));
  cluster.kill("a");
  const Result lost = user.run_json({"--timeout", "300ms", "check", "a", "b"});
  CHECK(lost.exit_code == 3);
  CHECK(lost.objects().size() == 1);
}

TEST_CASE("who gets no answer is told which nodes answer, and what is missing") {
  StartedCluster cluster(3);
  User user(cluster);
  REQUIRE(user.run({"preempt", "a"}).exit_code == 0);
  const std::string left = cluster.names().front();
  const auto others = cluster.names_but(left);
  for (const std::string& name : others) cluster.kill(name);
  const std::string missing = "node " + left + " answers, but the cluster has no leader: 2 of its 3 nodes must reach " +
                              "each other, and " + others[0] + " and " + others[1] +
                              " are unreachable; no answer within ";
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"preempt", "b"}, {"check", "a", "--linearizable"}, {"run", "b", "--", "true"}}) {
    std::vector<std::string> impatient{"--timeout", "2s"};
    impatient.insert(impatient.end(), command.begin(), command.end());
    CAPTURE(command.front());
    // A leader that has lost its followers knows it after an election timeout.
    CHECK(wait_until([&] { return user.run(impatient).err.find(missing) != std::string::npos; }));
  }
  const Result told = user.run({"--timeout", "2s", "preempt", "b"});
  CHECK(told.err.find("\n  to do: it may still be granted") != std::string::npos);
  cluster.kill(left);
  const std::string endpoint = cluster.endpoints(left).client;
  // A client that is slow to connect has not heard yet what is wrong with the endpoint.
  const std::string tried = "lockstep: a: unavailable: no answer within 500 ms; tried " + endpoint + " (";
  CHECK(wait_until([&] {
    const Result nobody = user.run({"--timeout", "500ms", "--server", endpoint, "check", "a"});
    CHECK(nobody.exit_code == 3);
    return nobody.err.starts_with(tried);
  }));
}

TEST_CASE("a watch from an index that does not exist yet says so, and waits for it") {
  StartedCluster cluster(1);
  User user(cluster);
  User other(cluster);
  const std::uint64_t newest = other.run_json({"preempt", "a"}).object()["applied_index"];
  Process watching = user.start({"--json", "watch", "--from", std::to_string(newest + 2)});
  const std::string told = "lockstep: waiting for entry " + std::to_string(newest + 2) + "; the newest is ";
  REQUIRE(wait_until([&] { return user.file("err").starts_with(told); }));
  for (const char* name : {"b", "c", "d"}) REQUIRE(other.run({"preempt", name}).exit_code == 0);
  REQUIRE(wait_until([&] { return !Result::objects_in(user.file("out")).empty(); }));
  CHECK(Result::objects_in(user.file("out")).front()["index"] == newest + 3);
  watching.signal(SIGINT);
  CHECK(watching.wait().exit_code == 0);
  const std::string all_told = user.file("err");
  CHECK(std::count(all_told.begin(), all_told.end(), '\n') == 1);
  Process in_vain = user.start({"watch", "--from", std::to_string(newest + 1000)});
  REQUIRE(wait_until([&] { return user.file("err").starts_with("lockstep: waiting for entry "); }));
  in_vain.signal(SIGINT);
  CHECK(in_vain.wait().exit_code == 0);
}

TEST_CASE("a configuration file comes before the built-in, and after environment and options") {
  StartedCluster cluster(1);
  User user(cluster);
  user.configure("servers = \"" + cluster.endpoints("a").client + "\"\n");
  user.use_servers("");  // as if it were not set
  CHECK(user.run({"count"}).exit_code == 0);
  user.configure("servers = \"tcp://127.0.0.1:1\"\ntimeout = \"300ms\"\n");
  const Result wrong_server = user.run({"count"});
  CHECK(wrong_server.exit_code == 3);
  CHECK(wrong_server.err.find("tried tcp://127.0.0.1:1") != std::string::npos);
  CHECK(user.run({"--server", cluster.endpoints("a").client, "--timeout", "30s", "count"}).exit_code == 0);
  user.configure("servers = \"tcp://127.0.0.1:1," + cluster.endpoints("a").client + "\"\ntimeout = 60\n");
  CHECK(user.run({"count"}).exit_code == 0);
  user.configure("timeout = \"5x\"\nservers = []\n");
  const Result bad = user.run({"count"});
  CHECK(bad.exit_code == 2);
  CHECK(bad.err.find("client.toml:1: timeout: expected a duration") != std::string::npos);
}

TEST_CASE("the texts of the program are the same whatever the configuration file and the environment say") {
  User user("");
  const auto texts = [&] {
    std::vector<std::string> all;
    for (const std::vector<std::string>& command : {std::vector<std::string>{"--help"},
                                                    {"check", "--help"},
                                                    {"help", "run"},
                                                    {"--version"},
                                                    {"manual"},
                                                    {"completion", "zsh"}}) {
      const Result shown = user.run(command);
      CAPTURE(command.front());
      CHECK(shown.exit_code == 0);
      CHECK(shown.err.empty());
      all.push_back(shown.out);
    }
    return all;
  };
  const auto right = texts();
  user.configure("servers = \"host:7102\"\ntimeout = 7\n");
  CHECK(texts() == right);
  user.configure("servers = ");
  user.use_servers("7101");  // a port without its host
  CHECK(texts() == right);
  CHECK(user.run({"count"}).exit_code == 2);
}

TEST_CASE("run takes its command as flock(1) does, and a lock may be called -n") {
  StartedCluster cluster(1);
  User user(cluster);
  CHECK(user.run({"run", "a", "echo", "-n", "x"}).out == "x");
  CHECK(user.run({"run", "-n", "a", "sh", "-c", "echo $LOCKSTEP_LOCK"}).out == "a\n");
  CHECK(user.run({"run", "--", "-n", "--", "printenv", "LOCKSTEP_LOCK"}).out == "-n\n");
  CHECK(user.run({"lock", "a", "-w", "10"}).exit_code == 0);
  CHECK(user.run({"try", "a"}).exit_code == 1);
  CHECK(user.run({"unlock", "a"}).exit_code == 0);
  CHECK(user.run({"preempt", "--", "-n"}).exit_code == 0);
  CHECK(user.run({"check", "--", "-n"}).exit_code == 0);
}

TEST_CASE("a command goes on when the leader dies, and a dead server costs a moment") {
  StartedCluster cluster(3);
  User user(cluster);
  REQUIRE(user.run({"preempt", "a"}).exit_code == 0);
  const std::string leader = cluster.leader();
  cluster.kill(leader);
  std::vector<std::string> names{leader};
  for (const std::string& name : cluster.names_but(leader)) names.push_back(name);
  user.use_servers(User::servers_of(cluster, names));
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

TEST_CASE("acquire waits in line, through another node, until the holder releases") {
  StartedCluster cluster(3);
  User holder(cluster.endpoints("a").client);
  User waiter(cluster.endpoints("b").client);
  const std::uint64_t first = holder.run_json({"acquire", "x", "y"}).object()["token"];
  CHECK(waiter.run_json({"acquire", "x", "--wait", "0s"}).object()["result"] == "held");
  const Result late = waiter.run_json({"acquire", "y", "--wait", "200ms"});
  CHECK(late.exit_code == 1);
  CHECK(late.object()["result"] == "held");
  CHECK(late.object()["token"] == first);
  CHECK(late.object()["position"] == 1);

  Process waiting = waiter.start({"--json", "acquire", "x"});
  REQUIRE(wait_until([&] { return waiter.file("err").find("position 1 in line") != std::string::npos; }));
  const json seen = holder.run_json({"check", "x"}).object();
  CHECK(seen["waiter_count"] == 1);
  CHECK(holder.run({"release", "x"}).exit_code == 0);
  CHECK(waiting.wait().exit_code == 0);
  const json granted = json::parse(waiter.file("out"));
  CHECK(granted["result"] == "granted");
  CHECK(granted["token"] > first);
  CHECK(holder.run_json({"acquire", "x", "--wait", "0s"}).object()["owner"] == granted["owner"]);
  CHECK(waiter.run({"release", "x"}).exit_code == 0);
  CHECK(holder.run_json({"acquire", "y"}).object()["error"] == "already_held");
  CHECK(holder.run_json({"acquire", "y"}).exit_code == 4);
  const Result told = holder.run({"acquire", "y"});  // in another shell, as far as the user knows
  CHECK(told.err.starts_with("lockstep: y: already_held: this client holds it already: "));
  CHECK(told.err.find(", token ") != std::string::npos);
  CHECK(told.err.find("one client, in every shell") != std::string::npos);
}

TEST_CASE("an acquire without an answer says that it may still be granted, and what to do") {
  StartedCluster cluster(3);
  User user(cluster);
  REQUIRE(user.run({"preempt", "before"}).exit_code == 0);  // the session is there
  std::vector<std::string> others = cluster.names();
  others.erase(std::find(others.begin(), others.end(), cluster.leader()));
  for (const std::string& other : others) cluster.kill(other);
  const Result acquired = user.run({"--timeout", "2s", "acquire", "a", "b c"});
  CAPTURE(acquired.err);
  CHECK(acquired.exit_code == 3);
  CHECK(acquired.err.find(
            "to do: it may still be granted: repeat the same command to know, or `lockstep release 'a' 'b c'`") !=
        std::string::npos);
  CHECK(acquired.err.find("tried ") == std::string::npos);
  CHECK(user.run({"--timeout", "2s", "release", "before"}).err.find("may still be granted") == std::string::npos);
}

TEST_CASE("an acquire under `lockstep run` of the same lock says that it waits for itself") {
  StartedCluster cluster(3);
  User user(cluster);
  const Result inside = user.run({"run", "a", "--", lockstep_program(), "acquire", "a", "--wait", "300ms"});
  CHECK(inside.exit_code == 1);
  CHECK(inside.err.find("so it waits for itself") != std::string::npos);
  const Result another = user.run({"run", "b", "--", lockstep_program(), "acquire", "a", "--wait", "300ms"});
  CHECK(another.exit_code == 0);
  CHECK(another.err.find("waits for itself") == std::string::npos);
}

TEST_CASE("the note of a run names its user, host, process and program") {
  StartedCluster cluster(3);
  User user(cluster);
  const Result inside =
      user.run({"run", "a", "--", "/bin/sh", "-c", "exec " + lockstep_program() + " check a # secret"});
  CHECK(inside.exit_code == 0);
  CHECK(inside.out.find(" sh)") != std::string::npos);
  CHECK(inside.out.find("secret") == std::string::npos);
}

TEST_CASE("Ctrl-C ends an acquire that waits: exit 130, and nothing is left in line") {
  StartedCluster cluster(3);
  User holder(cluster);
  User waiter(cluster);
  REQUIRE(holder.run({"acquire", "x"}).exit_code == 0);
  Process waiting = waiter.start({"--json", "acquire", "x"});
  REQUIRE(wait_until([&] { return waiter.file("err").find("position 1 in line") != std::string::npos; }));
  waiting.signal(SIGINT);
  CHECK(waiting.wait().exit_code == 130);
  CHECK(json::parse(waiter.file("out"))["result"] == "cancelled");
  CHECK(holder.run_json({"check", "x", "--linearizable"}).object()["waiter_count"] == 0);
  CHECK(waiter.kept_file().find("\"unfinished\": []") != std::string::npos);
  CHECK(holder.run({"release", "x"}).exit_code == 0);
  CHECK(holder.run({"check", "x", "--linearizable"}).exit_code == 1);
}

TEST_CASE("shared and permits are held by several, and another kind of use is refused") {
  StartedCluster cluster(1);
  User one(cluster);
  User two(cluster);
  CHECK(one.run({"acquire", "s", "--shared"}).exit_code == 0);
  CHECK(two.run({"acquire", "s", "--shared"}).exit_code == 0);
  CHECK(one.run_json({"check", "s"}).object()["holder_count"] == 2);
  CHECK(one.run({"acquire", "p", "--permits", "2"}).exit_code == 0);
  CHECK(two.run_json({"acquire", "p", "--permits", "3"}).object()["error"] == "permits_mismatch");
  CHECK(two.run({"acquire", "p", "--permits", "2"}).exit_code == 0);
  const Result listed = one.run({"list"});
  CHECK(listed.out.find("held p permits 2 by ") != std::string::npos);
  CHECK(listed.out.find("held s shared by ") != std::string::npos);
}

TEST_CASE("verify tells a resource whether a token is still the one") {
  StartedCluster cluster(3);
  User user(cluster);
  const std::string token = std::to_string(user.run_json({"preempt", "a"}).object()["token"].get<std::uint64_t>());
  const Result current = user.run_json({"verify", "a", token});
  CHECK(current.exit_code == 0);
  CHECK(current.object()["result"] == "current");
  CHECK(user.run({"verify", "a", "1"}).exit_code == 1);
  CHECK(user.run({"release", "a"}).exit_code == 0);
  const Result stale = user.run_json({"verify", "a", token});
  CHECK(stale.exit_code == 1);
  CHECK(stale.object()["result"] == "stale");
  CHECK_FALSE(stale.object().contains("newest"));
}

TEST_CASE("an operator takes a lock and ends a session; the history says who, and why") {
  StartedCluster cluster(3);
  User user(cluster);
  User operating(cluster);
  const json granted = user.run_json({"preempt", "a"}).object();
  REQUIRE(user.run({"preempt", "b"}).exit_code == 0);
  CHECK(operating.run_json({"release", "a"}).object()["result"] == "not_holder");
  CHECK(operating.run_json({"release", "a", "--force", "--why", "stuck"}).object()["result"] == "released");
  CHECK(operating.run_json({"release", "a", "--force"}).object()["result"] == "free");
  const auto events = user.run_json({"history", "a"}).objects();
  REQUIRE(events.size() == 1);
  CHECK(events[0]["name"] == "a");
  CHECK(events[0]["reason"] == "forced");
  CHECK(events[0]["why"] == "stuck");
  CHECK(events[0]["owner"] == granted["owner"]);
  CHECK(events[0]["token"] == granted["token"]);

  std::uint64_t session = 0;
  for (const json& living : operating.run_json({"sessions"}).objects()) {
    if (living["client"] == granted["owner"]) session = living["session"];
  }
  REQUIRE(session != 0);
  CHECK(operating.run_json({"session", "close", std::to_string(session), "--why", "gone"}).object()["result"] ==
        "closed");
  const Result again = operating.run_json({"session", "close", std::to_string(session)});
  CHECK(again.exit_code == 1);
  CHECK(again.object()["error"] == "no_such_session");
  CHECK(operating.run({"check", "b", "--linearizable"}).exit_code == 1);
  CHECK(operating.run_json({"history"}).objects().size() == 2);
  CHECK(operating.run({"history", "b"}).out.find("\"gone\"") != std::string::npos);
  // Its client is told once, whatever it asks for, and then goes on in another session.
  const Result told = user.run_json({"preempt", "c"});
  CHECK(told.exit_code == 5);
  CHECK(told.object()["error"] == "session_forced");
  CHECK(user.run({"preempt", "c"}).exit_code == 0);
}

TEST_CASE("watch shows the state and then every change in order, whatever node dies, and ends with Ctrl-C") {
  StartedCluster cluster(3);
  User user(cluster);
  User watcher(cluster);
  REQUIRE(user.run({"preempt", "w/old"}).exit_code == 0);
  Process watching = watcher.start({"--json", "--timeout", "30s", "watch", "w/"});
  const auto events = [&] { return Result::objects_in(watcher.file("out")); };
  REQUIRE(wait_until([&] { return events().size() >= 3; }));
  CHECK(events()[0]["event"] == "reset");
  CHECK(events()[1]["event"] == "state");
  CHECK(events()[1]["name"] == "w/old");
  CHECK(events()[2]["event"] == "complete");
  REQUIRE(user.run({"preempt", "w/a"}).exit_code == 0);
  REQUIRE(user.run({"preempt", "elsewhere"}).exit_code == 0);
  REQUIRE(wait_until([&] { return events().size() >= 4; }));
  const std::string died = cluster.leader();
  cluster.kill(died);
  REQUIRE(user.run({"--timeout", "30s", "release", "w/a"}).exit_code == 0);
  REQUIRE(user.run({"--timeout", "30s", "acquire", "w/b"}).exit_code == 0);
  REQUIRE(wait_until([&] { return events().size() >= 6; }));
  const auto all = events();
  CHECK(all[3]["event"] == "granted");
  CHECK(all[3]["name"] == "w/a");
  CHECK(all[4]["event"] == "ended");
  CHECK(all[4]["reason"] == "released");
  CHECK(all[5]["name"] == "w/b");
  CHECK(all[4]["index"] > all[3]["index"]);
  CHECK(all[5]["index"] > all[4]["index"]);
  watching.signal(SIGINT);
  CHECK(watching.wait().exit_code == 0);

  Process from =
      watcher.start({"--json", "watch", "w/", "--from", std::to_string(all[3]["index"].get<std::uint64_t>())});
  REQUIRE(wait_until([&] { return events().size() >= 2; }));
  CHECK(events()[0] == all[4]);
  CHECK(events()[1] == all[5]);
  from.signal(SIGTERM);
  CHECK(from.wait().exit_code == 0);
}

TEST_CASE("every command explains itself, with examples") {
  User user("tcp://127.0.0.1:1");
  for (const std::vector<std::string>& command : {std::vector<std::string>{"run"},
                                                  {"preempt"},
                                                  {"acquire"},
                                                  {"release"},
                                                  {"check"},
                                                  {"verify"},
                                                  {"list"},
                                                  {"watch"},
                                                  {"history"},
                                                  {"sessions"},
                                                  {"session", "close"},
                                                  {"status"},
                                                  {"shell"}}) {
    std::vector<std::string> help = command;
    help.push_back("--help");
    const Result shown = user.run(help);
    CAPTURE(command.front());
    CHECK(shown.exit_code == 0);
    CHECK(shown.out.find("Examples:") != std::string::npos);
  }
}

TEST_CASE("the shell takes commands from a pipe as one client, and what it holds comes free with it") {
  StartedCluster cluster(3);
  User user(cluster);
  const Result shell = user.run({"shell"},
                                "preempt 'a b'\ncheck 'a b'\nlist\nnonsense\n\nstatus\nhelp\nsessions\n"
                                "acquire x y --wait 1s\nacquire --help\nverify x 1\nhistory\nrelease c\n");
  CHECK(shell.exit_code == 1);  // of the last command
  CHECK(shell.out.find("granted \"a b\"") == 0);
  CHECK(shell.out.find("held \"a b\" by") != std::string::npos);
  CHECK(shell.out.find("granted x, y") != std::string::npos);
  CHECK(shell.out.find("1 lock, 0 waits") != std::string::npos);
  CHECK(shell.out.find("stale x") != std::string::npos);
  CHECK(shell.out.find("not_holder c") != std::string::npos);
  CHECK(shell.err.find("nonsense") != std::string::npos);
  CHECK(shell.err.find("waiting in line for them") != std::string::npos);
  CHECK(shell.err.find("lost ") == std::string::npos);
  for (const char* name : {"a b", "x", "y"}) CHECK(user.run({"check", name, "--linearizable"}).exit_code == 1);

  CHECK(user.run({"--client-id", kOtherId, "shell"}, "preempt kept\nquit\npreempt never\n").exit_code == 0);
  CHECK(user.run({"check", "kept", "--linearizable"}).exit_code == 0);
  CHECK(user.run({"check", "never", "--linearizable"}).exit_code == 1);
  CHECK(user.run({"--client-id", kOtherId, "release", "kept"}).exit_code == 0);
}

TEST_CASE("Tab completes what is typed at the shell's prompt, and shows what it may become") {
  StartedCluster cluster(1);
  User user(cluster);
  const std::filesystem::path keys = user.folder() / "keys";
  REQUIRE(mkfifo(keys.c_str(), 0600) == 0);
  // Open for both, so that neither side waits for the other.
  std::fstream keyboard(keys, std::ios::in | std::ios::out);
  // script(1) runs it at a terminal of its own, and types what comes in.
  const std::string line = "exec script -qec '" + lockstep_program() + " shell' /dev/null > shown < keys";
  Process process(user.command_of({"/bin/sh", "-c", line}), user.folder(), user.folder() / "log");
  const auto shows = [&](const std::string& text) {
    return wait_until([&] { return user.file("shown").find(text) != std::string::npos; });
  };
  const auto type = [&](const std::string& text) { keyboard << text << std::flush; };
  REQUIRE(shows("lockstep> "));
  type("preem\ta\n");
  CHECK(shows("granted a "));
  type("chec\ta --lin\t\n");
  CHECK(shows("held a by "));
  type("sess\t\t");
  CHECK(shows("sessions  session"));
  type("\n");
  CHECK(shows("a command is missing"));
  type("qui\t\n");
  const int exit_code = process.wait().exit_code;
  CAPTURE(user.file("shown"));
  CAPTURE(user.file("log"));
  CHECK(exit_code == 2);  // `session` alone is no command
}

TEST_CASE("every mistake on the command line is told in one form: what is wrong, and the way out") {
  User user("tcp://127.0.0.1:1");
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes{
      {{"session"}, "lockstep: a command is missing\n  to do: `lockstep session --help` shows how it is written\n"},
      {{"zmq"}, "lockstep: a command is missing\n  to do: `lockstep zmq --help` shows how it is written\n"},
      {{"steal"}, "lockstep: unknown command 'steal'\n  to do: `lockstep --help` shows how it is written\n"},
      {{"--bogus"}, "lockstep: unknown option '--bogus'\n  to do: `lockstep --help` shows how it is written\n"},
      {{"preempt"}, "lockstep: NAME is required\n  to do: `lockstep preempt --help` shows how it is written\n"},
      {{"session", "close"},
       "lockstep: ID is required\n  to do: `lockstep session close --help` shows how it is written\n"},
      {{"acquire", "a", "a"}, "lockstep: a name was given twice\n  to do: name each lock once\n"},
      {{"status", "a"},
       "lockstep: status takes no argument: 'a'\n  to do: `lockstep status --help` shows how it is written\n"},
      {{"check", "a", "--timeout", "abc"},
       "lockstep: --timeout: expected a duration such as 500ms, 10s or 2m, not 'abc'\n  to do: `lockstep --help` shows "
       "how it is written\n"},
      {{"run", "--", "echo", "hi"},
       "lockstep: no command, since 'echo hi' names the locks; write: lockstep run NAME... -- COMMAND [ARGUMENT...]\n"
       "  to do: `lockstep run --help` shows how it is written\n"},
  };
  for (const auto& mistake : mistakes) {
    const Result told = user.run(mistake.first);
    CHECK(told.exit_code == 2);
    CHECK(told.out.empty());
    CHECK(told.err == mistake.second);
  }
  const Result alone = user.run({});
  CHECK(alone.exit_code == 2);
  CHECK(alone.err.starts_with("lockstep: a command is missing\n  to do: `lockstep --help` shows all of them"));
  CHECK(alone.err.find("lockstep run NAME -- COMMAND") != std::string::npos);
  const Result of_run = user.run({"--json", "run", "--bogus", "--", "true"});
  CHECK(of_run.out.empty());  // stdout is the command's
  CHECK(json::parse(of_run.err)["error"] == "usage");
  CHECK(user.run({"--json", "preempt"}).err.empty());
}

TEST_CASE("an endpoint that is none is told as such, and blanks around one are none of it") {
  User user("tcp://127.0.0.1:1");
  CHECK(
      user.run({"--server", "", "check", "a"}).err.find("--server: there is an empty one; expected tcp://host:port") !=
      std::string::npos);
  CHECK(user.run({"--server", "a b", "check", "a"}).err.find("--server: 'a b': expected tcp://host:port") !=
        std::string::npos);
  const Result listed =
      user.run({"--timeout", "300ms", "--server", " tcp://127.0.0.1:1 , tcp://127.0.0.1:2", "check", "a"});
  CHECK(listed.exit_code == 3);
  // As a person would say it: 300ms or, on a slow machine, 280ms, and not 298ms.
  const std::string said = "no answer within ";
  const std::size_t at = listed.err.find(said);
  REQUIRE(at != std::string::npos);
  CHECK(std::stoul(listed.err.substr(at + said.size())) % 10 == 0);
}

TEST_CASE("what was typed is repeated without control characters, and not at any length") {
  User user("tcp://127.0.0.1:1");
  const Result escape = user.run({"preempt", "a\x1b[31m\nb"});
  CHECK(escape.err.find("lockstep: a\\x1b[31m\\nb: invalid_name: ") == 0);
  CHECK(user.run({"check", "a", "\x1b]0;title\x07"}).err.find('\x1b') == std::string::npos);
  const Result endless = user.run({"preempt", std::string(5000, 'x')});
  CHECK(endless.err.size() < 400);
  CHECK(endless.err.find("5000 bytes long") != std::string::npos);
  CHECK(user.run_json({"preempt", "a\nb"}).object()["name"] == "a\nb");  // a program has it as it is
}

TEST_CASE("a user without a home is told what to set, and that `run` needs none") {
  User user("tcp://127.0.0.1:1");
  const std::string line = "exec " + lockstep_program() + " preempt a 2> err";
  Process process(user.command_of({"/usr/bin/env", "-u", "HOME", "-u", "XDG_STATE_HOME", "/bin/sh", "-c", line}),
                  user.folder(), user.folder() / "log");
  CHECK(process.wait().exit_code == 2);
  CHECK(user.file("err").find("set HOME or XDG_STATE_HOME") != std::string::npos);
  CHECK(user.file("err").find("`lockstep run`, which keeps nothing") != std::string::npos);
}

TEST_CASE("the help of each command ends with where the options of all are") {
  User user("tcp://127.0.0.1:1");
  const std::string end = "(--server, --client-id, --json, --timeout): `lockstep --help`\n";
  for (const char* command : {"check", "run", "shell", "status"})
    CHECK(user.run({command, "--help"}).out.ends_with(end));
  const Result help = user.run({"--help"});
  CHECK_FALSE(help.out.ends_with(end));
  CHECK(help.out.find("/etc/lockstep/client.toml") != std::string::npos);
  CHECK(user.run({"manual"}).out.find(".SH FILES") != std::string::npos);
}

TEST_CASE("the help of a group of commands is its own") {
  User user("tcp://127.0.0.1:1");
  for (const char* group : {"zmq", "session"}) {
    const Result help = user.run({group, "--help"});
    CHECK(help.exit_code == 0);
    CHECK(help.out.find("backups/nightly") == std::string::npos);
    CHECK(help.out.find("--help` ha") != std::string::npos);
  }
}
