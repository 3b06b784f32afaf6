// Goal: a node starts only with a data folder of its own: of the same member, of a cluster of the same members.
// Method: every way in which a folder and a file can differ, with the configuration in the log and in a snapshot.
#include "nodes/server/data_folder.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace lockstep::data_folder_test {
namespace {

using Names = std::vector<std::string>;

raft::Configuration cluster_of(const Names& names) {
  raft::Configuration configuration;
  configuration.cluster = ClusterId(1);
  for (const std::string& name : names) {
    configuration.voters.push_back({NodeId(configuration.voters.size() + 1), name});
  }
  return configuration;
}

// The folder of the member at `place`.
raft::Restored folder_of(const Names& cluster, std::size_t place, bool in_snapshot) {
  raft::Restored restored;
  restored.node = NodeId(place + 1);
  if (in_snapshot) {
    raft::Snapshot snapshot;
    snapshot.head.configuration = cluster_of(cluster);
    restored.snapshot = std::make_shared<const raft::Snapshot>(snapshot);
  } else {
    raft::Entry entry;
    entry.body = cluster_of(cluster);
    restored.entries = {entry};
  }
  return restored;
}

NodeConfig file_of(const std::string& name, const Names& members) {
  NodeConfig config;
  config.file = "node.toml";
  config.name = name;
  config.data = "data";
  for (const std::string& member : members) {
    config.members.push_back({member, "tcp://" + member + ":1", "tcp://" + member + ":2", "tcp://" + member + ":3"});
  }
  return config;
}

struct Case {
  const char* what;
  Names cluster;       // whose data is in the folder
  std::size_t owner;   // which of them has the folder
  std::string name;    // of the node in the file
  Names members;       // in the file
  std::string detail;  // of the refusal; empty: it may start
};

const std::vector<Case> kCases{
    {"the same", {"a", "b", "c"}, 1, "b", {"a", "b", "c"}, ""},
    {"in another order", {"a", "b", "c"}, 1, "b", {"c", "b", "a"}, ""},
    {"a cluster of one", {"a"}, 0, "a", {"a"}, ""},
    {"one fewer", {"a", "b", "c"}, 0, "a", {"a", "b"}, "a, b, c, and its members cannot be changed"},
    {"one more", {"a", "b", "c"}, 0, "a", {"a", "b", "c", "d"}, "a, b, c, and its members cannot be changed"},
    {"of one, under a file of three", {"a"}, 0, "a", {"a", "b", "c"}, "a, and its members cannot be changed"},
    {"of three, under a file of one", {"a", "b", "c"}, 0, "a", {"a"}, "a, b, c, and its members cannot be changed"},
    {"another renamed", {"a", "b", "c"}, 0, "a", {"a", "b", "d"}, "a, b, c, and its members cannot be changed"},
    {"itself renamed", {"a", "b", "c"}, 0, "d", {"d", "b", "c"}, "a, b, c, and its members cannot be changed"},
    {"all renamed", {"a", "b", "c"}, 0, "d", {"d", "e", "f"}, "a, b, c, and its members cannot be changed"},
    {"another member's", {"a", "b", "c"}, 1, "a", {"a", "b", "c"}, "data belongs to member 'b'"},
    {"the last member's", {"a", "b", "c"}, 2, "a", {"a", "b", "c"}, "data belongs to member 'c'"},
};

}  // namespace

TEST_CASE("a data folder is refused unless it is this member's, of a cluster of the same members") {
  for (const bool in_snapshot : {false, true}) {
    for (const Case& row : kCases) {
      CAPTURE(row.what);
      CAPTURE(in_snapshot);
      const auto checked =
          check_that_it_is_ours(folder_of(row.cluster, row.owner, in_snapshot), file_of(row.name, row.members));
      CHECK(checked.has_value() == row.detail.empty());
      if (checked || row.detail.empty()) continue;
      CHECK_FALSE(checked.error().may_pass);
      CHECK(to_string(checked.error().error).find(row.detail) != std::string::npos);
    }
  }
}

TEST_CASE("a blank data folder is anybody's") {
  raft::Restored blank;
  blank.node = NodeId(9);
  CHECK(check_that_it_is_ours(blank, file_of("a", {"a", "b", "c"})));
  CHECK(check_that_it_can_be_read(blank, file_of("a", {"a"})));
}

// A disk that was emptied and lets its node in again has a new id.
TEST_CASE("a folder whose node is none of the members passes here, and the cluster decides") {
  raft::Restored restored = folder_of({"a", "b", "c"}, 0, false);
  restored.node = NodeId(77);
  CHECK(check_that_it_is_ours(restored, file_of("a", {"a", "b", "c"})));
}

TEST_CASE("a snapshot that this version cannot read is refused for good, with where it is") {
  raft::Restored restored = folder_of({"a"}, 0, true);
  const auto checked = check_that_it_can_be_read(restored, file_of("a", {"a"}));
  REQUIRE_FALSE(checked);
  CHECK_FALSE(checked.error().may_pass);
  CHECK(to_string(checked.error().error).find("the snapshot in data up to index 0 ") != std::string::npos);
}

}  // namespace lockstep::data_folder_test
