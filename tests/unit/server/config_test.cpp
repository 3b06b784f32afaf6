// Goal: every mistake in a configuration is one line that names file, line and key; what is right is taken as written.
// Method: a right file, with one thing changed at a time.
#include "nodes/server/config.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace lockstep::config_test {

using namespace std::chrono_literals;

namespace {

const std::string kRight = R"(name = "b"
data = "./data"

[[members]]
name = "a"
client = "tcp://127.0.0.1:7101"
peer = "tcp://127.0.0.1:7201"
publish = "tcp://127.0.0.1:7301"

[[members]]
name = "b"
client = "tcp://127.0.0.1:7102"
peer = "tcp://127.0.0.1:7202"
publish = "tcp://127.0.0.1:7302"

[[members]]
name = "c"
client = "tcp://127.0.0.1:7103"
peer = "tcp://127.0.0.1:7203"
publish = "tcp://127.0.0.1:7303"
)";

std::string replaced(const std::string& what, const std::string& with) {
  std::string text = kRight;
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

std::string error_of(const std::string& text) {
  const auto config = parse_config(text, "b.toml");
  return config ? "" : to_string(config.error());
}

std::string error_with(const std::string& what, const std::string& with) { return error_of(replaced(what, with)); }
std::string error_with_added(const std::string& lines) { return error_of(kRight + lines); }

}  // namespace

TEST_CASE("a file without the optional settings gets the defaults") {
  const auto config = parse_config(kRight, "b.toml");
  REQUIRE(config);
  CHECK(config->name == "b");
  CHECK(config->data == "./data");
  CHECK(config->log_level == "info");
  CHECK_FALSE(config->allow_plaintext);
  REQUIRE(config->members.size() == 3);
  CHECK(config->members[2] ==
        MemberConfig{"c", "tcp://127.0.0.1:7103", "tcp://127.0.0.1:7203", "tcp://127.0.0.1:7303"});
  CHECK(config->self() == config->members[1]);
  CHECK(config->timing.heartbeat == 50ms);
  CHECK(config->timing.election_timeout_min == 500ms);
  CHECK(config->timing.election_timeout_max == 1s);
  CHECK(config->limits == locks::StateLimits{});
}

TEST_CASE("every optional setting is taken") {
  const auto config = parse_config(replaced("name = \"b\"\n", "name = \"b\"\nlog_level = \"debug\"\n") + R"(
[timing]
heartbeat = "20ms"
election_timeout_min = "1s"
election_timeout_max = "2m"
[limits]
locks = 1
sessions = 4294967295
locks_per_session = 7
waiters_per_lock = 2
[storage]
segment_bytes = 2097152
compact_log_bytes = 4096
)",
                                   "b.toml");
  REQUIRE(config);
  CHECK(config->log_level == "debug");
  CHECK(config->timing.heartbeat == 20ms);
  CHECK(config->timing.election_timeout_min == 1s);
  CHECK(config->timing.election_timeout_max == 2min);
  CHECK(config->limits == locks::StateLimits{1, 4294967295, 7, 2});
  CHECK(config->segment_bytes == 2097152);
  CHECK(config->compact_log_bytes == 4096);
}

TEST_CASE("a file that is not TOML is refused where it stops being it") {
  const std::string error = error_with("data = \"./data\"", "data = ");
  CHECK(error.starts_with("b.toml:2: "));
  CHECK(error.find('\n') == std::string::npos);
  CHECK(error_with("data = \"./data\"", "data = \"./data\"\ndata = \"x\"").starts_with("b.toml:3: "));
}

TEST_CASE("an unknown key is refused") {
  CHECK(error_with("data = \"./data\"", "data = \"./data\"\nport = 7101") ==
        "b.toml:3: port: unknown key; known here are allow_plaintext, data, limits, listen, log_level, members, name, "
        "storage, timing");
  CHECK(error_with("peer = \"tcp://127.0.0.1:7202\"", "pear = \"tcp://127.0.0.1:7202\"") ==
        "b.toml:13: members[1].pear: unknown key; known here are client, name, peer, publish");
  CHECK(error_with_added("[timing]\nheartbeats = \"1s\"\n") ==
        "b.toml:22: timing.heartbeats: unknown key; known here are election_timeout_max, election_timeout_min, "
        "heartbeat");
  CHECK(error_with_added("[timings]\n").starts_with("b.toml:21: timings: unknown key; "));
}

TEST_CASE("of two unknown keys the first in the file is named") {
  CHECK(error_with("data = \"./data\"", "zebra = 1\napple = 2").starts_with("b.toml:2: zebra: unknown key"));
}

TEST_CASE("a missing key is refused") {
  CHECK(error_with("name = \"b\"\n", "") == "b.toml:1: name: missing key");
  CHECK(error_with("data = \"./data\"\n", "") == "b.toml:1: data: missing key");
  CHECK(error_with("client = \"tcp://127.0.0.1:7102\"\n", "") == "b.toml:10: members[1].client: missing key");
  CHECK(error_of("name = \"b\"\ndata = \"x\"\n") == "b.toml:1: members: missing key");
  CHECK(error_of("") == "b.toml:1: name: missing key");
}

TEST_CASE("a value of the wrong type is refused") {
  CHECK(error_with("name = \"b\"", "name = 1") == "b.toml:1: name: expected a string, got an integer");
  CHECK(error_with("\"tcp://127.0.0.1:7202\"", "7202") ==
        "b.toml:13: members[1].peer: expected a string, got an integer");
  CHECK(error_with("data = \"./data\"", "data = [\"a\"]") == "b.toml:2: data: expected a string, got an array");
  CHECK(error_with("data = \"./data\"", "data = \"x\"\nallow_plaintext = \"yes\"") ==
        "b.toml:3: allow_plaintext: expected true or false, got a string");
  CHECK(error_with("data = \"./data\"", "data = \"x\"\ntiming = 1") ==
        "b.toml:3: timing: expected a table, got an integer");
  CHECK(error_with_added("[timing]\nheartbeat = 50\n") ==
        "b.toml:22: timing.heartbeat: expected a string, got an integer");
  CHECK(error_with_added("[limits]\nlocks = 1.5\n") ==
        "b.toml:22: limits.locks: expected an integer, got a number with a fraction");
  CHECK(error_of("name = \"b\"\ndata = \"x\"\nmembers = \"a,b,c\"\n") ==
        "b.toml:3: members: expected tables, each written [[members]]");
  CHECK(error_of("name = \"b\"\ndata = \"x\"\n[members]\nname = \"a\"\n") ==
        "b.toml:3: members: expected tables, each written [[members]]");
}

TEST_CASE("a duration is refused with the words that would do, or with its range") {
  CHECK(error_with_added("[timing]\nheartbeat = \"50\"\n") ==
        "b.toml:22: timing.heartbeat: expected a duration such as 500ms, 10s or 2m, not '50'");
  CHECK(error_with_added("[timing]\nheartbeat = \"1ms\"\n") ==
        "b.toml:22: timing.heartbeat: must be 5ms to 10s, not 1ms");
  CHECK(error_with_added("[timing]\nelection_timeout_max = \"1h\"\n") ==
        "b.toml:22: timing.election_timeout_max: must be 50ms to 2m, not 1h");
}

TEST_CASE("timeouts that cannot work together are refused") {
  CHECK(error_with_added("[timing]\nelection_timeout_min = \"100ms\"\n") ==
        "b.toml:22: timing.election_timeout_min: must be at least three heartbeats");
  CHECK(error_with_added("[timing]\nelection_timeout_max = \"400ms\"\n") ==
        "b.toml:22: timing.election_timeout_max: must be above election_timeout_min");
  // What is left at its default has no line of its own: its table's is named.
  CHECK(error_with_added("[timing]\nheartbeat = \"1s\"\n") ==
        "b.toml:21: timing.election_timeout_min: must be at least three heartbeats");
}

TEST_CASE("a number out of range is refused") {
  CHECK(error_with_added("[limits]\nlocks = 0\n") == "b.toml:22: limits.locks: must be 1 to 4294967295, not 0");
  CHECK(error_with_added("[limits]\nsessions = 4294967296\n") ==
        "b.toml:22: limits.sessions: must be 1 to 4294967295, not 4294967296");
  CHECK(error_with_added("[storage]\nsegment_bytes = 4096\n") ==
        "b.toml:22: storage.segment_bytes: must be 65536 to 1073741824, not 4096");
  CHECK(error_with_added("[storage]\ncompact_log_bytes = 4095\n") ==
        "b.toml:22: storage.compact_log_bytes: must be 4096 to 68719476736, not 4095");
}

TEST_CASE("a log level that does not exist is refused") {
  CHECK(error_with("data = \"./data\"", "data = \"x\"\nlog_level = \"verbose\"") ==
        "b.toml:3: log_level: expected debug, info, warning or error, not 'verbose'");
}

TEST_CASE("an empty data folder is refused") {
  CHECK(error_with("data = \"./data\"", "data = \"\"") == "b.toml:2: data: expected the path of a folder");
}

TEST_CASE("two members of one name are refused") {
  CHECK(error_with("name = \"c\"", "name = \"a\"") ==
        "b.toml:17: members[2].name: two members are named 'a'; the other is members[0].name");
}

TEST_CASE("a node that is not among the members is refused") {
  CHECK(error_with("name = \"b\"", "name = \"d\"") == "b.toml:1: name: no member is named 'd'");
}

TEST_CASE("a member's name that could not be shown everywhere is refused") {
  const std::string error = error_with("name = \"c\"", "name = \"c d\"");
  CHECK(error.starts_with("b.toml:17: members[2].name: "));
  CHECK(error.size() > std::string("b.toml:17: members[2].name: ").size());
}

TEST_CASE("an even number of members, or more than seven, is refused") {
  const std::string two = kRight.substr(0, kRight.rfind("\n[[members]]"));
  CHECK(error_of(two) == "b.toml:4: members: a cluster has 1, 3, 5 or 7 members, not 2");
  std::string nine = kRight;
  for (int i = 4; i <= 9; ++i) {
    const std::string n = std::to_string(i);
    nine += "[[members]]\nname = \"m" + n + "\"\nclient = \"tcp://h" + n + ":1\"\npeer = \"tcp://h" + n +
            ":2\"\npublish = \"tcp://h" + n + ":3\"\n";
  }
  CHECK(error_of(nine) == "b.toml:4: members: a cluster has 1, 3, 5 or 7 members, not 9");
  CHECK(error_of("name = \"b\"\ndata = \"x\"\nmembers = []\n") ==
        "b.toml:3: members: expected tables, each written [[members]]");
}

TEST_CASE("an endpoint that no socket could use is refused") {
  CHECK(error_with("tcp://127.0.0.1:7103", "127.0.0.1:7103") ==
        "b.toml:18: members[2].client: expected tcp://host:port or ipc://path");
  CHECK(error_with("tcp://127.0.0.1:7203", "tcp://127.0.0.1:99999") ==
        "b.toml:19: members[2].peer: the port must be 1 to 65535, not '99999'");
  CHECK(error_with("tcp://127.0.0.1:7302", "tcp://*:7302") ==
        "b.toml:14: members[1].publish: '*' names no one machine that others could connect to. Say here how they reach "
        "this member; where a node itself listens is said in its own file, under [listen]");
}

TEST_CASE("an endpoint used twice is refused") {
  CHECK(error_with("tcp://127.0.0.1:7203", "tcp://127.0.0.1:7102") ==
        "b.toml:19: members[2].peer: 'tcp://127.0.0.1:7102' is used by members[1].client already");
}

TEST_CASE("serving other machines without encryption has to be asked for by name") {
  CHECK(error_with("tcp://127.0.0.1:7102", "tcp://10.0.0.2:7102") ==
        "b.toml:12: members[1].client: 'tcp://10.0.0.2:7102' may be reached from other machines, and nothing is "
        "encrypted or authenticated: say allow_plaintext = true if that is what you want");
  CHECK(
      error_of(replaced("tcp://127.0.0.1:7102", "tcp://10.0.0.2:7102").insert(0, "allow_plaintext = true\n")).empty());
  // Where the others listen is theirs to say.
  CHECK(error_with("tcp://127.0.0.1:7103", "tcp://10.0.0.3:7103").empty());
}

TEST_CASE("a node is bound where the others reach it, or where [listen] says") {
  const auto plain = parse_config(kRight, "b.toml");
  REQUIRE(plain);
  CHECK(plain->bound("client").endpoint == "tcp://127.0.0.1:7102");
  CHECK(plain->bound("client").key == "members[1].client");
  CHECK(plain->bound("publish").endpoint == "tcp://127.0.0.1:7302");

  const std::string listen = "[listen]\nclient = \"tcp://0.0.0.0:7101\"\npeer = \"tcp://*:7201\"\n";
  const auto config = parse_config("allow_plaintext = true\n" + kRight + listen, "b.toml");
  REQUIRE(config);
  CHECK(config->bound("client").endpoint == "tcp://0.0.0.0:7101");
  CHECK(config->bound("client").key == "listen.client");
  CHECK(config->bound("peer").endpoint == "tcp://*:7201");
  CHECK(config->bound("publish").endpoint == "tcp://127.0.0.1:7302");
  CHECK(config->bound("publish").key == "members[1].publish");
  CHECK(config->self().client == "tcp://127.0.0.1:7102");  // which is what the others, and clients, are told
}

TEST_CASE("a [listen] that no socket could be bound to is refused") {
  CHECK(error_with_added("[listen]\nclient = \"0.0.0.0:7101\"\n") ==
        "b.toml:22: listen.client: expected tcp://host:port or ipc://path");
  CHECK(error_with_added("[listen]\nclient = \"\"\n") ==
        "b.toml:22: listen.client: expected tcp://host:port or ipc://path");
  CHECK(error_with_added("[listen]\npeer = \"tcp://127.0.0.1:*\"\n") ==
        "b.toml:22: listen.peer: the port must be 1 to 65535, not '*'");
  CHECK(error_with_added("[listen]\npeer = 7201\n") == "b.toml:22: listen.peer: expected a string, got an integer");
  CHECK(error_with_added("[listen]\npub = \"tcp://127.0.0.1:1\"\n") ==
        "b.toml:22: listen.pub: unknown key; known here are client, peer, publish");
  CHECK(error_with_added("[listen]\npeer = \"tcp://127.0.0.1:7102\"\n") ==
        "b.toml:22: listen.peer: 'tcp://127.0.0.1:7102' is used by members[1].client already");
}

TEST_CASE("endpoints that overlap are refused, however they are written") {
  CHECK(
      error_with_added("[listen]\nclient = \"tcp://0.0.0.0:7202\"\n") ==
      "b.toml:22: listen.client: 'tcp://0.0.0.0:7202' may be reached from other machines, and nothing is encrypted or "
      "authenticated: say allow_plaintext = true if that is what you want");
  const auto error_of_listen = [](const std::string& client, const std::string& peer) {
    return error_of("allow_plaintext = true\n" + kRight + "[listen]\nclient = \"" + client + "\"\npeer = \"" + peer +
                    "\"\n");
  };
  for (const std::string every : {"tcp://0.0.0.0:7101", "tcp://*:7101", "tcp://[::]:7101"}) {
    CHECK(error_of_listen(every, "tcp://127.0.0.1:7101") ==
          "b.toml:24: listen.peer: 'tcp://127.0.0.1:7101' overlaps with '" + every +
              "' of listen.client: give each a port of its own");
    CHECK(error_of_listen(every, "tcp://127.0.0.1:7201").empty());
  }
  CHECK(
      error_of_listen("tcp://0.0.0.0:7302", "tcp://127.0.0.1:7201") ==
      "b.toml:15: members[1].publish: 'tcp://127.0.0.1:7302' overlaps with 'tcp://0.0.0.0:7302' of listen.client: give "
      "each a port of its own");
  CHECK(error_with("tcp://127.0.0.1:7203", "tcp://localhost:7102") ==
        "b.toml:19: members[2].peer: 'tcp://localhost:7102' overlaps with 'tcp://127.0.0.1:7102' of members[1].client: "
        "give each a port of its own");
}

TEST_CASE(
    "a port that the machine gives to outgoing connections is doubtful where the node listens, and nowhere else") {
  const EphemeralPorts ephemeral("7200 7203", "");
  const auto doubts_of = [&](const std::string& text) {
    std::vector<std::string> doubts;
    for (const ConfigError& doubt : doubts_about(*parse_config(text, "b.toml"), ephemeral)) {
      doubts.push_back(to_string(doubt));
    }
    return doubts;
  };
  CHECK(doubts_of(kRight) ==
        std::vector<std::string>{
            "b.toml:13: members[1].peer: port 7202 is one that this machine gives to outgoing connections (7200 to "
            "7203): another program may have it when the node starts. Choose one outside, or reserve it (sysctl "
            "net.ipv4.ip_local_reserved_ports)"});
  CHECK(doubts_of(kRight + "[listen]\npeer = \"tcp://127.0.0.1:7199\"\n").empty());
  CHECK(doubts_of(kRight + "[listen]\npeer = \"ipc:///tmp/peer\"\n").empty());
}

TEST_CASE("where a node listens, and not how it is reached, decides whether it serves other machines") {
  CHECK(
      error_with_added("[listen]\nclient = \"tcp://0.0.0.0:7101\"\n") ==
      "b.toml:22: listen.client: 'tcp://0.0.0.0:7101' may be reached from other machines, and nothing is encrypted or "
      "authenticated: say allow_plaintext = true if that is what you want");
  // Through a tunnel, say, whose other end the members are told.
  CHECK(error_of(replaced("tcp://127.0.0.1:7102", "tcp://10.0.0.2:7102") +
                 "[listen]\nclient = \"tcp://127.0.0.1:7102\"\n")
            .empty());
}

TEST_CASE("an error stays one line whatever the file contains") {
  CHECK(error_with("name = \"b\"", "name = \"b\\nc\"") == "b.toml:1: name: no member is named 'b?c'");
}

TEST_CASE("a file that cannot be read is named") {
  std::string folder = (std::filesystem::temp_directory_path() / "lockstep-config-XXXXXX").string();
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  const std::string missing = folder + "/missing.toml";
  CHECK(to_string(read_config(missing).error()) == missing + ": cannot read it: No such file or directory");
  CHECK(to_string(read_config(folder).error()) == folder + ": cannot read it: Is a directory");
  std::ofstream(folder + "/b.toml") << kRight;
  CHECK(read_config(folder + "/b.toml"));
  std::filesystem::remove_all(folder);
}

TEST_CASE("what shows only at start is reported in the same form") {
  const auto config = parse_config(kRight, "b.toml");
  REQUIRE(config);
  CHECK(to_string(error_at(*config, config->bound("peer").key, "address already in use")) ==
        "b.toml:13: members[1].peer: address already in use");
  CHECK(to_string(error_at(*config, "data", "no space")) == "b.toml:2: data: no space");
  CHECK(to_string(error_at(single_node_config(), "data", "no space")) == "(no configuration file): data: no space");
}

TEST_CASE("configs/single.toml says what a node does without a file") {
  const auto file = read_config(LOCKSTEP_SOURCE "/configs/single.toml");
  REQUIRE(file);
  const NodeConfig built_in = single_node_config();
  CHECK(file->name == built_in.name);
  CHECK(file->data == built_in.data);
  CHECK(file->members == built_in.members);
  CHECK(file->log_level == built_in.log_level);
  CHECK(file->segment_bytes == built_in.segment_bytes);
  CHECK(file->compact_log_bytes == built_in.compact_log_bytes);
}

TEST_CASE("the files of configs/local make one cluster, and what a.toml shows as defaults are the defaults") {
  const auto a = read_config(LOCKSTEP_SOURCE "/configs/local/a.toml");
  REQUIRE(a);
  for (const std::string name : {"a", "b", "c"}) {
    const auto config = read_config(LOCKSTEP_SOURCE "/configs/local/" + name + ".toml");
    REQUIRE(config);
    CHECK(config->name == name);
    CHECK(config->data == "./lockstep-data/" + name);
    CHECK(config->members == a->members);
  }

  std::ifstream file(LOCKSTEP_SOURCE "/configs/local/a.toml");
  std::string with_defaults;
  for (std::string line; std::getline(file, line);) {
    const bool is_setting = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    with_defaults += (is_setting ? line.substr(1) : line) + "\n";
  }
  const auto shown = parse_config(with_defaults, "a.toml");
  REQUIRE_MESSAGE(shown, error_of(with_defaults));
  CHECK(shown->log_level == a->log_level);
  CHECK(shown->allow_plaintext == a->allow_plaintext);
  CHECK(shown->timing.heartbeat == a->timing.heartbeat);
  CHECK(shown->timing.election_timeout_min == a->timing.election_timeout_min);
  CHECK(shown->timing.election_timeout_max == a->timing.election_timeout_max);
  for (const std::string_view which : {"client", "peer", "publish"}) {
    CHECK(shown->bound(which).key == "listen." + std::string(which));
    CHECK(shown->bound(which).endpoint == a->bound(which).endpoint);
  }
  CHECK(shown->limits == a->limits);
  CHECK(shown->segment_bytes == a->segment_bytes);
  CHECK(with_defaults.find("\nsegment_bytes") != std::string::npos);
  CHECK(shown->compact_log_bytes == a->compact_log_bytes);
  CHECK(with_defaults.find("\ncompact_log_bytes") != std::string::npos);
}

}  // namespace lockstep::config_test
