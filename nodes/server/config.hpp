// What a node is told at its start: its configuration file, checked as a whole before anything is opened.
//
// Every mistake is one line with file, line and key. What can only be found out later (a port in use, an
// unreachable folder) is reported in the same form by error_at(). configs/local/a.toml is the manual.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "nodes/server/ephemeral_ports.hpp"
#include "nodes/storage/storage.hpp"
#include "nodes/toml/config_error.hpp"
#include "protocol/locks/commands.hpp"
#include "protocol/raft/raft.hpp"
#include "protocol/replica/replica.hpp"

namespace lockstep {

// How the others reach a member.
struct MemberConfig {
  std::string name;
  std::string client;  // endpoints
  std::string peer;
  std::string publish;
  friend bool operator==(const MemberConfig&, const MemberConfig&) = default;
};

// Where a node itself is bound; what is left out is bound where the others reach it.
struct ListenConfig {
  std::optional<std::string> client;
  std::optional<std::string> peer;
  std::optional<std::string> publish;
};

// An endpoint, and the key that says it: "listen.peer", "members[1].peer".
struct KeyedEndpoint {
  std::string key;
  std::string endpoint;
};

struct NodeConfig {
  std::string file;  // for messages
  std::string name;  // one of the members'
  std::string data;  // a folder, relative to the working directory
  std::string log_level = "info";
  bool allow_plaintext = false;
  std::vector<MemberConfig> members;
  ListenConfig listen;
  raft::Timing timing;
  locks::StateLimits limits;
  std::uint64_t segment_bytes = StorageOptions{}.segment_bytes;
  std::uint64_t compact_log_bytes = ReplicaOptions{}.compact_log_bytes;
  KeyLines lines;

  const MemberConfig& self() const;
  // Where this node itself is to be bound, for `which` of client, peer and publish.
  KeyedEndpoint bound(std::string_view which) const;
};

tl::expected<NodeConfig, ConfigError> read_config(const std::string& file);
tl::expected<NodeConfig, ConfigError> parse_config(std::string_view text, const std::string& file);

// Without a file: a cluster of one on loopback. configs/single.toml says the same.
NodeConfig single_node_config();

// What is allowed and may still go wrong: ports that the machine gives away by itself.
std::vector<ConfigError> doubts_about(const NodeConfig& config, const EphemeralPorts& ephemeral);

ConfigError error_at(const NodeConfig& config, const std::string& key, std::string detail);

}  // namespace lockstep
