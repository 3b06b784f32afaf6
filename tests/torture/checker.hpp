// Judges a history: could one correct lock service have given these answers?
//
// Seven parties look at it, each from less or more:
// - check_substance: that there is a log and there are answers, without which the others would pass on nothing;
// - check_order: the answers' log indexes against real time, and that a client makes one call at a time;
// - check_holds: who could count on what, when: no two holders at a time, tokens that rise, releases that stay;
// - check_leases: what clients were promised of their leases, and when one ended;
// - check_linearizable: whether the calls on a name have any order that one lock could have given;
// - check_log: the log by itself;
// - check_replay: the log once more through the naive state machine: every answer must be its answer, whatever ran
//   must have been asked for, and nothing that a client was told did not happen may have.
// An indefinite call is allowed both ways everywhere. Pure functions; a history without entries is not replayed, which
// is a violation by itself.
#pragma once

#include <string>
#include <vector>

#include "tests/torture/history.hpp"

namespace lockstep::torture {

struct Violation {
  std::string rule;  // "double grant", "falling token", "lost release", "stale read", "wrong answer", ...
  std::string text;  // what was seen, with clients, numbers, indexes and times
};

// At most so many of each party are told.
inline constexpr std::size_t kMostViolations = 25;

// The rule that a history without a log, or without answers, breaks.
inline constexpr const char* kNothingToJudge = "nothing to judge";

std::vector<Violation> check_substance(const History& history);
std::vector<Violation> check_order(const History& history);
std::vector<Violation> check_holds(const History& history);
std::vector<Violation> check_leases(const History& history);
std::vector<Violation> check_log(const History& history);
std::vector<Violation> check_replay(const History& history);

struct Verdict {
  std::vector<Violation> violations;
  std::vector<std::string> given_up;  // names whose calls have too many possible orders to try them all
};
Verdict check_linearizable(const History& history);

// All of them, after what the run itself found.
Verdict check(const History& history);

}  // namespace lockstep::torture
