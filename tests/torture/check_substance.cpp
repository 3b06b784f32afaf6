// Whether there was something to judge at all, and whether the run did what it is for.
#include <algorithm>

#include "tests/torture/checker.hpp"

namespace lockstep::torture {
namespace {

constexpr std::size_t kEnoughCuts = 3;

bool is_of_use(const Call& call) { return call.answer && call.answer->result != Result::kError; }

}  // namespace

std::vector<Violation> check_substance(const History& history) {
  std::vector<Violation> violations;
  if (history.entries.empty()) {
    violations.push_back({kNothingToJudge, "the history has no entries of the log, so nothing was replayed"});
  }
  if (std::none_of(history.calls.begin(), history.calls.end(), is_of_use)) {
    violations.push_back({kNothingToJudge, "of " + std::to_string(history.calls.size()) +
                                               " calls in the history not one was answered but with an error"});
  }
  const auto cuts =
      static_cast<std::size_t>(std::count_if(history.faults.begin(), history.faults.end(), is_behind_to_its_end));
  if (cuts >= kEnoughCuts && history.run.snapshots_installed == 0) {
    violations.push_back(
        {"no snapshot", std::to_string(cuts) +
                            " times a node stayed away until the others had cut their logs, and it was "
                            "never sent a snapshot"});
  }
  return violations;
}

}  // namespace lockstep::torture
