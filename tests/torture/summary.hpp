// What a run came to, in figures: for people and, as one JSON object, for programs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/torture/checker.hpp"
#include "tests/torture/history.hpp"

namespace lockstep::torture {

struct Summary {
  RunInfo run;
  std::uint64_t calls = 0;
  std::uint64_t unanswered = 0;                  // their client was killed
  std::map<std::string, std::uint64_t> results;  // "preempt granted", "acquire unavailable (indefinite)", ...
  std::map<std::string, std::uint64_t> faults;   // by kind
  std::uint64_t behind = 0;                      // how often a node was to be so late that it needs a snapshot
  std::uint64_t behind_to_its_end = 0;           // and how often the others had cut their logs when it came back
  std::uint64_t entries = 0;                     // of the log, replayed
  std::uint64_t terms = 0;                       // the highest
  // The longest time in which no command of any client was answered by the cluster, and when it began.
  Nanoseconds unavailable = 0;
  Nanoseconds unavailable_from = 0;  // since the load began
  // From a fault at the leader to the first answer to a command that was called after it.
  std::vector<Nanoseconds> failovers;  // in order of length
};

Summary summarize(const History& history);
// The smallest one that at least so many of a hundred do not exceed; 0 of none.
Nanoseconds percentile(const std::vector<Nanoseconds>& sorted, int percent);

std::string to_text(const Summary& summary, const Verdict& verdict);
std::string to_json(const Summary& summary, const Verdict& verdict);

}  // namespace lockstep::torture
