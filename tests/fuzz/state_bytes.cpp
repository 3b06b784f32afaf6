// The bytes of a state are refused, or are a state: its hash is right, it can be written and read again, and it goes
// on as any other, which takes all its invariants.
#include "protocol/base/invariant.hpp"
#include "protocol/locks/lock_table.hpp"
#include "protocol/wire/state_codec.hpp"
#include "tests/fuzz/input.hpp"

namespace lockstep::fuzz {
namespace {

using namespace locks;

// What changes most in a state: everything ends, and everything is asked for again.
std::vector<Command> commands_for(const StateMachine& state) {
  std::vector<std::string> names = {"fresh"};
  for (const auto& [name, lock] : state.locks().in_order()) {
    if (names.size() < 4) names.push_back(name);
  }
  std::vector<Session> sessions;
  for (const SessionId id : state.sessions().in_order()) {
    if (sessions.size() < 4) sessions.push_back(*state.sessions().find(id));
  }
  std::vector<Command> commands;
  for (const Session& session : sessions) {
    RequestNumber number = session.acknowledged_below;
    const auto add = [&](Operation operation) {
      commands.emplace_back(Execute{session.id, number, session.acknowledged_below, std::move(operation)});
      number = number.next();
    };
    for (const std::string& name : names) {
      add(Release{name});
      add(Acquire{{name}, Mode::kShared, 0, true, 1});
      add(Preempt{name});
    }
  }
  for (const std::string& name : names) {
    if (sessions.empty()) break;
    const Session& last = sessions.back();
    commands.emplace_back(
        Execute{last.id, last.acknowledged_below + 40, last.acknowledged_below + 30, ForceRelease{name, "fuzzed"}});
  }
  Open open;
  open.client.bytes.fill(9);
  open.nonce = 9;
  commands.emplace_back(open);
  for (const Session& session : sessions) {
    open.client = session.client;
    open.secret_hash = session.secret_hash;
    open.replaces = session.id;
    commands.emplace_back(open);
    commands.emplace_back(Expire{session.id, true});
    commands.emplace_back(Expire{session.id, false});
  }
  return commands;
}

}  // namespace

void state_bytes(Bytes bytes) {
  const std::vector<char> copy(bytes.begin(), bytes.end());  // so that a sanitizer sees any read past the end
  auto state = wire::decode_state(as_text(copy));
  if (!state) {
    INVARIANT(!state.error().detail.empty(), "a refused state is told why");
    return;
  }
  INVARIANT(state->hash() == state->recomputed_hash(), "the hash that is kept is the state's");
  const std::string written = wire::encode_state(*state);
  auto twin = wire::decode_state(written);
  INVARIANT(twin.has_value() && twin->hash() == state->hash(), "a state is read as it was written");
  INVARIANT(wire::encode_state(*twin) == written, "equal states have equal bytes");
  LogIndex index = state->last_applied();
  for (const Command& command : commands_for(*state)) {
    index = index.next();
    const auto one = state->apply(index, WallTime(), command);
    const auto other = twin->apply(index, WallTime(), command);
    INVARIANT(one.has_value() == other.has_value() && (!one || one->result == other->result),
              "equal states answer equally");
    INVARIANT(state->hash() == twin->hash() && state->hash() == state->recomputed_hash(),
              "the hash that is kept is the state's");
  }
}

}  // namespace lockstep::fuzz
