// Reads the TOML file, key by key, and refuses what is unknown, missing or out of its bounds.
#include "nodes/server/config.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <system_error>
#include <utility>

#include "nodes/system/whole_file.hpp"
#include "nodes/toml/toml_reader.hpp"
#include "nodes/transport/endpoint.hpp"
#include "protocol/base/invariant.hpp"
#include "protocol/wire/field_rules.hpp"

namespace lockstep {
namespace {

using namespace std::chrono_literals;

constexpr std::array kLogLevels{"debug", "info", "warning", "error"};
constexpr std::array kEndpointKeys{"client", "peer", "publish"};

constexpr const char* kSayListen =
    ". Say here how they reach this member; where a node itself listens is said in its own file, under [listen]";

constexpr auto kSmallestSegment = static_cast<std::int64_t>(kMinSegmentBytes);
constexpr std::int64_t kLargestSegment = std::int64_t{1024} * 1024 * 1024;
constexpr std::int64_t kSmallestCompaction = 4 * 1024;
constexpr std::int64_t kLargestCompaction = std::int64_t{64} * 1024 * 1024 * 1024;

// Of a MemberConfig or a ListenConfig.
template <typename Endpoints>
const auto& endpoint_of(const Endpoints& endpoints, std::string_view which) {
  return which == "client" ? endpoints.client : which == "peer" ? endpoints.peer : endpoints.publish;
}

std::string key_of(std::size_t member, std::string_view key) {
  return "members[" + std::to_string(member) + "]." + std::string(key);
}

void read_timing(TomlReader& root, NodeConfig& config, TomlReading& reading) {
  auto table = root.table("timing", {"heartbeat", "election_timeout_min", "election_timeout_max"});
  if (!table) return;
  raft::Timing& timing = config.timing;
  timing.heartbeat = table->duration("heartbeat", 5ms, 10s, timing.heartbeat);
  timing.election_timeout_min = table->duration("election_timeout_min", 50ms, 2min, timing.election_timeout_min);
  timing.election_timeout_max = table->duration("election_timeout_max", 50ms, 2min, timing.election_timeout_max);
  if (timing.election_timeout_min < 3 * timing.heartbeat) {
    reading.fail("timing.election_timeout_min", "must be at least three heartbeats");
  }
  if (timing.election_timeout_max <= timing.election_timeout_min) {
    reading.fail("timing.election_timeout_max", "must be above election_timeout_min");
  }
}

void read_limits(TomlReader& root, NodeConfig& config) {
  auto table = root.table("limits", {"locks", "sessions", "locks_per_session", "waiters_per_lock"});
  if (!table) return;
  const auto read = [&](std::string_view key, std::uint32_t& limit) {
    limit = static_cast<std::uint32_t>(table->integer(key, 1, std::numeric_limits<std::uint32_t>::max(), limit));
  };
  read("locks", config.limits.locks);
  read("sessions", config.limits.sessions);
  read("locks_per_session", config.limits.locks_per_session);
  read("waiters_per_lock", config.limits.waiters_per_lock);
}

void read_storage(TomlReader& root, NodeConfig& config) {
  auto table = root.table("storage", {"segment_bytes", "compact_log_bytes"});
  if (!table) return;
  const auto read = [&](std::string_view key, std::int64_t smallest, std::int64_t largest, std::uint64_t& bytes) {
    bytes = static_cast<std::uint64_t>(table->integer(key, smallest, largest, static_cast<std::int64_t>(bytes)));
  };
  read("segment_bytes", kSmallestSegment, kLargestSegment, config.segment_bytes);
  read("compact_log_bytes", kSmallestCompaction, kLargestCompaction, config.compact_log_bytes);
}

void read_members(TomlReader& root, NodeConfig& config) {
  for (TomlReader& table : root.tables("members", {"name", "client", "peer", "publish"})) {
    MemberConfig member;
    member.name = table.text("name");
    member.client = table.text("client");
    member.peer = table.text("peer");
    member.publish = table.text("publish");
    config.members.push_back(std::move(member));
  }
}

void read_listen(TomlReader& root, NodeConfig& config) {
  auto table = root.table("listen", {"client", "peer", "publish"});
  if (!table) return;
  config.listen.client = table->optional_text("client");
  config.listen.peer = table->optional_text("peer");
  config.listen.publish = table->optional_text("publish");
}

// Everything that is right key by key may still not be a cluster.
void check_names(const NodeConfig& config, TomlReading& reading) {
  const std::size_t count = config.members.size();
  if (count > wire::kMaxMembers || count % 2 == 0) {
    reading.fail("members", "a cluster has 1, 3, 5 or 7 members, not " + std::to_string(count));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& name = config.members[i].name;
    const std::string detail = wire::validate_text(name, wire::kMemberName);
    if (!detail.empty()) reading.fail(key_of(i, "name"), detail);
    for (std::size_t earlier = 0; earlier < i; ++earlier) {
      if (config.members[earlier].name != name) continue;
      reading.fail(key_of(i, "name"), "two members are named '" + name + "'; the other is " + key_of(earlier, "name"));
    }
  }
  const auto is_self = [&](const MemberConfig& member) { return member.name == config.name; };
  if (std::none_of(config.members.begin(), config.members.end(), is_self)) {
    reading.fail("name", "no member is named '" + config.name + "'");
  }
}

// Endpoints of which no two may be of one socket's address.
class EndpointsInUse {
 public:
  explicit EndpointsInUse(TomlReading& reading) : reading_(reading) {}

  void add(const KeyedEndpoint& added, const Endpoint& parsed) {
    for (const auto& [earlier, other] : used_) {
      if (!overlap(parsed, other)) continue;
      const bool is_same = earlier.endpoint == added.endpoint;
      reading_.fail(added.key, is_same ? "'" + added.endpoint + "' is used by " + earlier.key + " already"
                                       : "'" + added.endpoint + "' overlaps with '" + earlier.endpoint + "' of " +
                                             earlier.key + ": give each a port of its own");
    }
    used_.emplace_back(added, parsed);
  }

 private:
  TomlReading& reading_;
  std::vector<std::pair<KeyedEndpoint, Endpoint>> used_;
};

// What others connect to, so that each names one machine.
void check_members_endpoints(const NodeConfig& config, TomlReading& reading) {
  EndpointsInUse used(reading);
  for (std::size_t i = 0; i < config.members.size(); ++i) {
    for (const std::string_view which : kEndpointKeys) {
      const std::string& endpoint = endpoint_of(config.members[i], which);
      const std::string key = key_of(i, which);
      const auto parsed = parse_endpoint(endpoint);
      const auto connectable = parse_connectable_endpoint(endpoint);
      if (!connectable) {
        const bool is_every_interface = parsed && is_wildcard(*parsed);
        reading.fail(key, connectable.error() + (is_every_interface ? kSayListen : ""));
        return;
      }
      const std::string detail = wire::validate_text(endpoint, wire::kEndpoint);
      if (!detail.empty()) reading.fail(key, detail);
      used.add({key, endpoint}, *connectable);
    }
  }
}

// Where this node itself is bound: there a wildcard is right, and it decides who can reach the node.
void check_bound_endpoints(const NodeConfig& config, TomlReading& reading) {
  EndpointsInUse used(reading);
  for (const std::string_view which : kEndpointKeys) {
    const KeyedEndpoint bound = config.bound(which);
    const auto parsed = parse_endpoint(bound.endpoint);
    if (!parsed || (parsed->transport == Endpoint::Transport::kTcp && parsed->port == 0)) {
      reading.fail(bound.key, parsed ? "the port must be 1 to 65535, not '*'" : parsed.error());
      return;
    }
    used.add(bound, *parsed);
    if (!config.allow_plaintext && !is_loopback(*parsed)) {
      reading.fail(bound.key, "'" + bound.endpoint + "' may be reached from other machines, and nothing is encrypted " +
                                  "or authenticated: say allow_plaintext = true if that is what you want");
    }
  }
}

void check_own_settings(const NodeConfig& config, TomlReading& reading) {
  if (config.data.empty()) reading.fail("data", "expected the path of a folder");
  if (std::find(kLogLevels.begin(), kLogLevels.end(), config.log_level) == kLogLevels.end()) {
    reading.fail("log_level", "expected debug, info, warning or error, not '" + config.log_level + "'");
  }
}

std::size_t position_of_self(const NodeConfig& config) {
  const auto is_self = [&](const MemberConfig& member) { return member.name == config.name; };
  const auto found = std::find_if(config.members.begin(), config.members.end(), is_self);
  INVARIANT(found != config.members.end(), "a configuration that was checked lists the node itself");
  return static_cast<std::size_t>(found - config.members.begin());
}

}  // namespace

const MemberConfig& NodeConfig::self() const { return members[position_of_self(*this)]; }

KeyedEndpoint NodeConfig::bound(std::string_view which) const {
  if (const auto& own = endpoint_of(listen, which)) return {"listen." + std::string(which), *own};
  return {key_of(position_of_self(*this), which), endpoint_of(self(), which)};
}

tl::expected<NodeConfig, ConfigError> read_config(const std::string& file) {
  const auto text = read_whole_file(file);
  if (text) return parse_config(*text, file);
  return tl::unexpected(ConfigError{file, 0, "", "cannot read it: " + std::generic_category().message(text.error())});
}

tl::expected<NodeConfig, ConfigError> parse_config(std::string_view text, const std::string& file) {
  const auto table = parse_toml(text, file);
  if (!table) return tl::unexpected(table.error());
  NodeConfig config;
  config.file = file;
  TomlReading reading;
  reading.file = file;
  TomlReader root(reading, *table, "",
                  {"name", "data", "log_level", "allow_plaintext", "members", "listen", "timing", "limits", "storage"});
  config.name = root.text("name");
  config.data = root.text("data");
  config.log_level = root.text("log_level", config.log_level);
  config.allow_plaintext = root.boolean("allow_plaintext", config.allow_plaintext);
  read_members(root, config);
  read_listen(root, config);
  read_timing(root, config, reading);
  read_limits(root, config);
  read_storage(root, config);
  if (!reading.error) {
    check_own_settings(config, reading);
    check_names(config, reading);
    check_members_endpoints(config, reading);
  }
  if (!reading.error) check_bound_endpoints(config, reading);
  if (reading.error) return tl::unexpected(*reading.error);
  config.lines = std::move(reading.lines);
  return config;
}

NodeConfig single_node_config() {
  NodeConfig config;
  config.file = "(no configuration file)";
  config.name = "single";
  config.data = "./lockstep-data/single";
  config.members = {{"single", "tcp://127.0.0.1:7101", "tcp://127.0.0.1:7201", "tcp://127.0.0.1:7301"}};
  return config;
}

std::vector<ConfigError> doubts_about(const NodeConfig& config, const EphemeralPorts& ephemeral) {
  std::vector<ConfigError> doubts;
  for (const std::string_view which : kEndpointKeys) {
    const KeyedEndpoint bound = config.bound(which);
    const auto parsed = parse_endpoint(bound.endpoint);
    INVARIANT(parsed, "a configuration was checked");
    if (!ephemeral.contains(parsed->port)) continue;
    doubts.push_back(
        error_at(config, bound.key,
                 "port " + std::to_string(parsed->port) + " is one that this machine gives to outgoing " +
                     "connections (" + ephemeral.range() + "): another program may have it when the node " +
                     "starts. Choose one outside, or reserve it (sysctl net.ipv4.ip_local_reserved_ports)"));
  }
  return doubts;
}

ConfigError error_at(const NodeConfig& config, const std::string& key, std::string detail) {
  return {config.file, config.lines.of(key), key, std::move(detail)};
}

}  // namespace lockstep
