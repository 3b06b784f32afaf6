// Goal: what status, list, history and sessions show is right: for a person in columns, for a script in lines, whole
// and page by page. Method: the built program against three real nodes, run as a shell would run it.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>

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

TEST_CASE("status shows every member, also one that is down") {
  StartedCluster cluster(3);
  User user(cluster);
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

TEST_CASE("status says whether the cluster serves, and waits until it does") {
  StartedCluster cluster(3);
  User user(cluster);
  const std::string leader = cluster.leader();
  CHECK(wait_until(
      [&] { return user.run({"status"}).out.ends_with("healthy: " + leader + " leads, all members follow\n"); }));
  const std::string down = cluster.follower();
  cluster.kill(down);
  for (const std::string& name : cluster.names_but(down)) {
    user.use_servers(cluster.endpoints(name).client);
    const Result alone = user.run({"status", "--node"});
    CHECK(alone.exit_code == 0);
    CHECK(alone.out.ends_with("healthy: " + name + (name == leader ? " leads\n" : " follows " + leader + "\n")));
    const json object = user.run_json({"status", "--node"}).object();
    CHECK(object["name"] == name);
    CHECK(object["health"] == "healthy");
  }
  user.use_servers(cluster.endpoints(down).client);
  CHECK(user.run({"--timeout", "300ms", "status", "--node"}).exit_code == 3);
  user.use_servers(User::servers_of(cluster, cluster.names()));
  const Result degraded = user.run({"status"});
  CHECK(degraded.exit_code == 0);
  CHECK(degraded.out.ends_with("degraded: " + leader + " leads; " + down + " is unreachable\n"));
  cluster.kill(leader);
  const Result lost = user.run({"status"});
  CHECK(lost.exit_code == 3);
  CHECK(lost.out.find("quorum lost: ") != std::string::npos);
  for (const json& node : user.run_json({"status"}).objects()) CHECK(node.at("health") == "quorum_lost");
  CHECK(user.run({"status", "--wait", "300ms"}).exit_code == 3);
  CHECK(wait_until([&] { return user.run({"status", "--node"}).exit_code == 3; }));
  Process waiting = user.start({"status", "--wait", "60s"});
  REQUIRE(wait_until([&] { return user.file("err").find("waiting; quorum lost: ") != std::string::npos; }));
  cluster.start(leader);
  CHECK(waiting.wait().exit_code == 0);
  CHECK(user.file("out").find("degraded: ") != std::string::npos);
  cluster.start(down);
}

TEST_CASE("a person at a terminal sees columns, the newest first; a script sees lines") {
  StartedCluster cluster(1);
  User user(cluster);
  for (const char* name : {"a", "b", "c"}) {
    REQUIRE(user.run({"preempt", name}).exit_code == 0);
    REQUIRE(user.run({"release", name}).exit_code == 0);
  }
  REQUIRE(user.run({"preempt", "kept"}).exit_code == 0);
  const auto at_terminal = [&](const std::string& command) {
    // script(1) runs it at a terminal of its own.
    const std::string line =
        "exec script -qec '" + lockstep_program() + " " + command + "' /dev/null > shown < /dev/null";
    Process process(user.command_of({"/bin/sh", "-c", line}), user.folder(), user.folder() / "log");
    CHECK(process.wait().exit_code == 0);
    return user.file("shown");
  };
  const std::string history = at_terminal("history --limit 2");
  CHECK(history.starts_with("NAME  HELD BY"));
  CHECK(history.find("\nc ") < history.find("\nb "));
  CHECK(history.find("\na ") == std::string::npos);
  const std::string list = at_terminal("list");
  CHECK(list.starts_with("NAME  KIND       HELD BY"));
  CHECK(list.find("\nkept  exclusive  ") != std::string::npos);
  CHECK(at_terminal("sessions").starts_with("SESSION  CLIENT"));
  // The holder has a session still, so that its note is known. It stands before the id, as in the other columns.
  const json holder = user.run_json({"check", "kept"}).object()["holders"][0];
  const std::string shown =
      holder["note"].get<std::string>() + " (" + holder["owner"].get<std::string>().substr(0, 8) + ")";
  CHECK(history.find(shown) != std::string::npos);
  CHECK(list.find(shown) != std::string::npos);
  CHECK(user.run({"list"}).out.starts_with("held kept by "));
  CHECK(user.run({"history"}).out.starts_with("a held by "));
  const auto limited = user.run_json({"history", "--limit", "2"}).objects();
  REQUIRE(limited.size() == 2);
  CHECK(limited[0].at("name") == "b");  // the oldest first, as without a limit
  CHECK(limited[1].at("name") == "c");
}

TEST_CASE("history goes on with what ends, when it is to follow") {
  StartedCluster cluster(1);
  User user(cluster);
  User other(cluster);
  Process following = user.start({"history", "--follow"});
  for (const char* name : {"a", "b"}) {
    REQUIRE(other.run({"preempt", name}).exit_code == 0);
    REQUIRE(other.run({"release", name}).exit_code == 0);
    REQUIRE(wait_until([&] { return user.file("out").find(std::string(name) + " held by ") != std::string::npos; }));
  }
  following.signal(SIGINT);
  CHECK(following.wait().exit_code == 0);
}

TEST_CASE("a limited list says how to go on, and goes on there, whatever the name has in it") {
  StartedCluster cluster(1);
  User user(cluster);
  const std::vector<std::string> names{"-a it's\\ \"$HOME\"", "[b,c]", "c"};
  Client client = cluster.client({"a"});
  for (const std::string& name : names) REQUIRE(client.preempt(name)->granted);
  for (std::size_t i = 0; i + 1 < names.size(); ++i) {
    const Result cut = user.run({"list", "--limit", std::to_string(i + 1)});
    const std::string told = "lockstep: there are more; go on with ";
    REQUIRE(cut.err.starts_with(told));
    const std::string way = cut.err.substr(told.size(), cut.err.size() - told.size() - 1);
    const std::string line = "exec \"$0\" --json list " + way + " > rest";
    Process rest(user.command_of({"/bin/sh", "-c", line, lockstep_program()}), user.folder(), user.folder() / "log");
    CHECK(rest.wait().exit_code == 0);
    const auto objects = Result::objects_in(user.file("rest"));
    REQUIRE(objects.size() == names.size() - i - 1);
    CHECK(objects[0].at("name") == names[i + 1]);
    CHECK_FALSE(objects.back().contains("more"));
  }
}

TEST_CASE("with --json the last object of what --limit has cut says that there are more") {
  StartedCluster cluster(1);
  User user(cluster);
  for (const char* name : {"a", "b", "c"}) {
    REQUIRE(user.run({"preempt", name}).exit_code == 0);
    REQUIRE(user.run({"release", name}).exit_code == 0);
    REQUIRE(user.run({"preempt", name}).exit_code == 0);
  }
  REQUIRE(user.run({"--client-id", kOtherId, "preempt", "d"}).exit_code == 0);
  for (const auto& listed : {std::pair("list", 4U), std::pair("history", 3U), std::pair("sessions", 2U)}) {
    const char* command = listed.first;
    const unsigned count = listed.second;
    CAPTURE(command);
    for (unsigned limit = 1; limit <= count + 1; ++limit) {
      const Result page = user.run_json({command, "--limit", std::to_string(limit)});
      const auto objects = page.objects();
      CHECK(page.err.empty());
      REQUIRE(objects.size() == std::min(limit, count));
      for (std::size_t i = 0; i + 1 < objects.size(); ++i) CHECK_FALSE(objects[i].contains("more"));
      CHECK(objects.back().value("more", false) == (limit < count));
    }
  }
}

TEST_CASE("sessions are shown the newest first, page by page, and each once") {
  StartedCluster cluster(1);
  User user(cluster);
  const std::size_t count = kMaxPage + 5;  // more than one answer has
  {
    auto raw = cluster.raw_client("a");
    for (std::size_t i = 0; i < count; ++i) {
      ClientId client;
      client.bytes = {1, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
      raw.open_session(client);
    }
  }
  const auto ids_of = [&](const std::vector<std::string>& command) {
    std::vector<std::uint64_t> ids;
    for (const json& session : user.run_json(command).objects()) ids.push_back(session.at("session"));
    return ids;
  };
  const auto all = ids_of({"sessions"});
  REQUIRE(all.size() == count);
  CHECK(std::is_sorted(all.rbegin(), all.rend()));
  const Result first = user.run({"sessions", "--limit", "2"});
  CHECK(first.err == "lockstep: there are more; go on with --after " + std::to_string(all[1]) + "\n");
  std::vector<std::uint64_t> paged;
  while (paged.size() < count) {
    std::vector<std::string> command{"sessions", "--limit", "400"};
    if (!paged.empty()) command.insert(command.end(), {"--after", std::to_string(paged.back())});
    const auto page = ids_of(command);
    REQUIRE_FALSE(page.empty());
    paged.insert(paged.end(), page.begin(), page.end());
  }
  CHECK(paged == all);
}

TEST_CASE("list shows what is held, in order, page by page") {
  StartedCluster cluster(1);
  User user(cluster);
  Client client = cluster.client(cluster.names());
  const std::size_t locks = wire::kMaxListPage + 5;
  for (std::size_t i = 0; i < locks; ++i) REQUIRE(client.preempt("many/" + std::to_string(10'000 + i))->granted);
  REQUIRE(client.preempt("other")->granted);
  const auto listed = user.run_json({"list", "many/"}).objects();
  REQUIRE(listed.size() == locks);
  for (std::size_t i = 0; i < locks; ++i) CHECK(listed[i].at("name") == "many/" + std::to_string(10'000 + i));
  CHECK(user.run_json({"list"}).objects().size() == locks + 1);
  CHECK(user.run_json({"count", "many/"}).objects().at(0).at("locks") == locks);
  const Result counted = user.run({"count"});
  CHECK(counted.exit_code == 0);
  CHECK(counted.out.starts_with(std::to_string(locks + 1) + " locks, " + std::to_string(locks + 1) +
                                " holders, 0 waiters"));
  CHECK(user.run({"count", "nothing/"}).out.starts_with("0 locks"));
  const Result none = user.run({"list", "nothing/"});
  CHECK(none.exit_code == 0);
  CHECK(none.out.empty());
}
