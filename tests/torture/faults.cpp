#include "tests/torture/faults.hpp"

#include <algorithm>
#include <utility>

namespace lockstep::torture {

using std::chrono::milliseconds;

const std::vector<FaultName>& fault_names() {
  static const std::vector<FaultName> kNames{
      {FaultKind::kKill, "kill", "kill -9 of the leader or other nodes, a minority"},
      {FaultKind::kPause, "pause", "SIGSTOP of a node"},
      {FaultKind::kRestart, "restart", "kill -9 of all nodes at once"},
      {FaultKind::kPartition, "partition", "some nodes cut off from the others"},
      {FaultKind::kOneWay, "one-way", "a node hears and is not heard, or the other way round"},
      {FaultKind::kPublish, "publish", "nothing of a node's PUB socket arrives, all else does"},
      {FaultKind::kClientKill, "client-kill", "kill -9 of a process of clients"},
      {FaultKind::kClientPause, "client-pause", "SIGSTOP of a process of clients"},
      {FaultKind::kBehind, "behind", "one node is away until the others have cut their logs"},
      {FaultKind::kDisk, "disk", "the disk of one node is full"},
  };
  return kNames;
}

std::string_view to_string(FaultKind kind) {
  for (const FaultName& each : fault_names()) {
    if (each.kind == kind) return each.name;
  }
  return "unknown";
}

std::optional<FaultKind> parse_fault(std::string_view name) {
  for (const FaultName& each : fault_names()) {
    if (each.name == name) return each.kind;
  }
  return std::nullopt;
}

FaultPlan::FaultPlan(std::vector<FaultKind> kinds, std::uint64_t seed, Duration run)
    : kinds_(std::move(kinds)), random_(seed), share_(run / static_cast<Duration::rep>(kinds_.size() + 1)) {}

std::optional<FaultKind> FaultPlan::next() {
  if (left_.empty()) left_ = kinds_;
  if (left_.empty()) return std::nullopt;
  const auto chosen = left_.begin() + static_cast<std::ptrdiff_t>(random_.below(left_.size()));
  const FaultKind kind = *chosen;
  left_.erase(chosen);
  return kind;
}

Duration FaultPlan::length(FaultKind kind) {
  const bool is_long = random_.one_in(4);
  Duration length{};
  switch (kind) {
    case FaultKind::kRestart: length = random_.between(milliseconds(50), milliseconds(500)); break;
    case FaultKind::kClientPause:
      length = random_.between(milliseconds(500), milliseconds(is_long ? 8000 : 3000));
      break;
    case FaultKind::kBehind: length = std::chrono::seconds(20); break;  // as a rule, see TortureRun
    default: length = random_.between(milliseconds(200), milliseconds(is_long ? 5000 : 2000)); break;
  }
  return std::min(length, share_ / 3 * 2);
}

Duration FaultPlan::calm() {
  const Duration calm = random_.between(milliseconds(300), milliseconds(random_.one_in(4) ? 3000 : 1000));
  return std::min(calm, share_ / 3);
}

}  // namespace lockstep::torture
