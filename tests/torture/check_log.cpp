// The log by itself: terms never fall, and a number of a session is one command.
#include <map>
#include <utility>

#include "tests/torture/checker.hpp"

namespace lockstep::torture {

std::vector<Violation> check_log(const History& history) {
  std::vector<Violation> violations;
  const auto add = [&](const char* rule, std::string text) {
    if (violations.size() < kMostViolations) violations.push_back({rule, std::move(text)});
  };
  std::uint64_t term = 0;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::pair<std::uint64_t, const locks::Operation*>> first;
  for (const Entry& entry : history.entries) {
    if (entry.term < term) {
      add("falling term", "entry " + std::to_string(entry.index) + " is of term " + std::to_string(entry.term) +
                              ", the one before it of term " + std::to_string(term));
    }
    term = entry.term;
    const auto* command = std::get_if<locks::Command>(&entry.body);
    const auto* execute = command == nullptr ? nullptr : std::get_if<locks::Execute>(command);
    if (execute == nullptr) continue;
    const std::pair key{execute->session.value(), execute->number.value()};
    const auto [earlier, is_new] = first.try_emplace(key, entry.index, &execute->operation);
    if (is_new || *earlier->second.second == execute->operation) continue;
    add("number used twice", "number " + std::to_string(key.second) + " of session " + std::to_string(key.first) +
                                 " is one command in entry " + std::to_string(earlier->second.first) +
                                 " and another in entry " + std::to_string(entry.index));
  }
  return violations;
}

}  // namespace lockstep::torture
