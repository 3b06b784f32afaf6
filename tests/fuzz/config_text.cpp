// A configuration is read, or refused in one line that names what is wrong.
#include "nodes/server/config.hpp"

#include "protocol/base/invariant.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/targets.hpp"

namespace lockstep::fuzz {

void config_text(Bytes bytes) {
  const auto config = parse_config(as_text(bytes), "node.toml");
  if (!config) {
    const std::string line = to_string(config.error());
    INVARIANT(!line.empty() && line.find('\n') == std::string::npos, "a mistake is told in one line");
    return;
  }
  INVARIANT(config->self().name == config->name, "a node is one of the members");
  INVARIANT(config->timing.heartbeat < config->timing.election_timeout_min, "a leader is heard before it is replaced");
  INVARIANT(config->timing.election_timeout_min <= config->timing.election_timeout_max, "timeouts are in order");
  INVARIANT(config->segment_bytes >= kMinSegmentBytes, "a segment has room for the largest entry");
}

}  // namespace lockstep::fuzz
