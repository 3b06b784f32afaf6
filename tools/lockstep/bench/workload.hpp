// What one client of the load generator asks next, given the answers so far.
//
// - cycle: preempts a lock of its own, releases it, and so on: two operations a round.
// - check: asks for a lock of its own that nobody holds.
// - contend: preempts one of a few names that all clients share; releases what it gets.
//
// It never believes more than it was told: after an answer that leaves it open whether a lock is held, it
// releases. A value without I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/random.hpp"
#include "protocol/client_core/client_core.hpp"

namespace lockstep::bench {

enum class Load : std::uint8_t { kCycle, kCheck, kContend };

std::optional<Load> parse_load(std::string_view name);
std::string_view to_string(Load load);

struct WorkloadOptions {
  Load load = Load::kCycle;
  std::string prefix;            // of every lock name, fresh for each run
  std::size_t client = 0;        // which of the clients this is
  std::size_t shared_names = 8;  // of contend
  ClientId self;
  std::uint64_t seed = 0;
};

struct Step {
  enum class Verb : std::uint8_t { kPreempt, kRelease, kCheck } verb = Verb::kCheck;
  std::string name;
  friend bool operator==(const Step&, const Step&) = default;
};

class Workload {
 public:
  explicit Workload(const WorkloadOptions& options);

  Step next();
  void answered(const Step& step, const ClientOutcome& outcome);
  // What is left to do so that no lock stays behind; none if nothing is.
  std::optional<Step> next_of_clean_up() const;

 private:
  std::string own_name() const;
  std::string shared_name();

  WorkloadOptions options_;
  Random random_;
  std::optional<std::string> maybe_held_;  // the one lock this client has, or may have
};

}  // namespace lockstep::bench
