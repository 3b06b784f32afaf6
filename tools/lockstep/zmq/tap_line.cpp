// One function a kind of broadcast.
#include "tools/lockstep/zmq/tap_line.hpp"

#include <algorithm>

#include "protocol/base/joined.hpp"
#include "protocol/base/overloaded.hpp"
#include "protocol/wire/codec.hpp"
#include "protocol/wire/names.hpp"
#include "tools/lockstep/json/message_json.hpp"

namespace lockstep {
namespace {

constexpr std::size_t kShownEntries = 8;

template <typename T>
std::string text(T id) {
  return std::to_string(id.value());
}

std::string in_words(const locks::Acquire& acquire) {
  std::string how;
  if (acquire.mode != locks::Mode::kExclusive) how = " " + std::string(wire::to_string(acquire.mode));
  if (acquire.mode == locks::Mode::kPermit) how += " of " + std::to_string(acquire.permits);
  return "acquire " + joined(acquire.names) + how + (acquire.wait ? ", waiting" : "");
}

std::string describe(const locks::Operation& operation) {
  return std::visit(Overloaded{[](const locks::Preempt& preempt) { return "preempt " + preempt.name; },
                               [](const locks::Release& release) { return "release " + release.name; },
                               [](const locks::Acquire& acquire) { return in_words(acquire); },
                               [](const locks::Cancel& cancel) { return "cancel waiter " + text(cancel.waiter); },
                               [](const locks::Close&) { return std::string("close"); },
                               [](const locks::ForceRelease& release) { return "force_release " + release.name; },
                               [](const locks::CloseSession& close) { return "close_session " + text(close.target); }},
                    operation);
}

std::string describe(const locks::Command& command) {
  const auto open = [](const locks::Open& o) {
    return "open (client " + to_string(o.client) + ", replaces " + text(o.replaces) + ")";
  };
  const auto execute = [](const locks::Execute& e) {
    return describe(e.operation) + " (session " + text(e.session) + ", number " + text(e.number) + ")";
  };
  const auto expire = [](const locks::Expire& e) {
    return "expire " + std::string(e.waits_only ? "the waits of " : "") + "session " + text(e.session);
  };
  return std::visit(Overloaded{open, execute, expire}, command);
}

std::string describe(const raft::EntryBody& body) {
  const auto configuration = [](const raft::Configuration& c) {
    return "configuration (" + joined(c.voters, &raft::Member::name) + ")";
  };
  const auto command = [](const raft::Command& c) {
    const auto decoded = wire::decode_command(c.bytes);
    return decoded ? describe(*decoded) : std::string("unreadable command");
  };
  return std::visit(Overloaded{[](const raft::Noop&) { return std::string("noop"); }, configuration, command}, body);
}

std::string describe_entries(const raft::Append& append) {
  std::string line;
  const std::size_t shown = std::min(append.entries.size(), kShownEntries);
  for (std::size_t i = 0; i < shown; ++i) {
    const LogIndex index = append.previous_index + (i + 1);
    line += (i == 0 ? "  #" : "; #") + text(index) + " " + describe(append.entries[i].body);
  }
  const std::size_t rest = append.entries.size() - shown;
  return rest == 0 ? line : line + "; and " + std::to_string(rest) + " more";
}

}  // namespace

std::string to_tap_line(const raft::Message& message) {
  const auto* append = std::get_if<raft::Append>(&message.body);
  if (append == nullptr) return to_line(to_json(message));  // nothing else is published
  std::string line = append->entries.empty() ? "heartbeat" : "proposal ";
  line += "  term " + text(message.term) + "  node " + text(message.from) + "  after " + text(append->previous_index) +
          "/" + text(append->previous_term) + "  commit " + text(append->commit) + "  round " + text(append->round);
  if (append->state_hash) line += "  state hash at " + text(append->state_hash->index);
  return line + describe_entries(*append);
}

}  // namespace lockstep
