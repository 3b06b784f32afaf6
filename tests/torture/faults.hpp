// The faults of a run: which there are, which comes next and how long it stays, by a seed. Used by one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/random.hpp"

namespace lockstep::torture {

enum class FaultKind : std::uint8_t {
  kKill,         // kill -9 of nodes, at most a minority, which are started again
  kPause,        // SIGSTOP of one node, then SIGCONT
  kRestart,      // kill -9 of all nodes at once
  kPartition,    // some nodes and the others: cut off, or silent both ways
  kOneWay,       // nothing that one node sends arrives, or nothing arrives at it
  kPublish,      // nothing that one node publishes arrives
  kClientKill,   // kill -9 of a process of clients
  kClientPause,  // SIGSTOP of one, often for longer than its leases
  kBehind,       // kill -9 of one node, which stays away until it needs another's snapshot
  kDisk,         // the disk of one node is full
};

struct FaultName {
  FaultKind kind;
  std::string_view name;
  std::string_view meaning;
};
const std::vector<FaultName>& fault_names();
std::string_view to_string(FaultKind kind);
std::optional<FaultKind> parse_fault(std::string_view name);

class FaultPlan {
 public:
  // Nothing lasts so long that not every kind would come within `run`.
  FaultPlan(std::vector<FaultKind> kinds, std::uint64_t seed, Duration run);

  // Every kind once in an order of the seed, then every kind again in another.
  std::optional<FaultKind> next();
  Duration length(FaultKind kind);  // how long it stays
  Duration calm();                  // before the next one
  Random& random() { return random_; }

 private:
  std::vector<FaultKind> kinds_;
  std::vector<FaultKind> left_;
  Random random_;
  Duration share_;  // of the run, for one fault and the calm after it
};

}  // namespace lockstep::torture
