#include "tools/lockstep/zmq/tap_line.hpp"

#include <algorithm>

#include "protocol/wire/codec.hpp"
#include "tools/lockstep/zmq/message_json.hpp"

namespace lockstep {
namespace {

constexpr std::size_t kShownEntries = 8;

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

template <typename T>
std::string text(T id) {
  return std::to_string(id.value());
}

std::string describe(const locks::Command& command) {
  if (const auto* open = std::get_if<locks::Open>(&command)) {
    return "open (client " + to_string(open->client) + ", replaces " + text(open->replaces) + ")";
  }
  const auto& execute = std::get<locks::Execute>(command);
  const bool release = std::holds_alternative<locks::Release>(execute.operation);
  const std::string name = std::visit([](const auto& operation) { return operation.name; }, execute.operation);
  return std::string(release ? "release " : "preempt ") + name + " (session " + text(execute.session) + ", number " +
         text(execute.number) + ")";
}

std::string describe(const raft::EntryBody& body) {
  const auto configuration = [](const raft::Configuration& c) {
    std::string names;
    for (const raft::Member& member : c.voters) names += (names.empty() ? "" : ", ") + member.name;
    return "configuration (" + names + ")";
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
