// What a run of the load generator measured: every latency, every answer by its name, and the few numbers
// that are shown of them.
//
// Percentiles are exact: each sample is kept, and the p-th percentile is the smallest sample that at least
// p percent of them do not exceed (nearest rank). Errors have no latency; they are counted by name.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "protocol/client_core/client_core.hpp"

namespace lockstep::bench {

// "granted", "held", ..., or the error's name as the error table has it.
std::string name_of(const ClientOutcome& outcome);

class Measurements {
 public:
  void add(Duration latency, const ClientOutcome& outcome);

  std::size_t operations() const { return latencies_.size(); }
  const std::map<std::string, std::uint64_t>& answers() const { return answers_; }
  const std::map<std::string, std::uint64_t>& errors() const { return errors_; }
  // `fraction` in (0, 1]; zero if nothing was measured.
  Duration percentile(double fraction) const;

 private:
  std::vector<Duration> latencies_;
  std::map<std::string, std::uint64_t> answers_;
  std::map<std::string, std::uint64_t> errors_;
};

struct Summary {
  std::string load;
  std::size_t clients = 0;
  Duration measured{};  // how long, without the warm-up
  std::uint64_t operations = 0;
  double operations_per_second = 0;
  Duration p50{};
  Duration p99{};
  Duration p999{};
  Duration max{};
  std::map<std::string, std::uint64_t> answers;
  std::map<std::string, std::uint64_t> errors;
  std::uint64_t not_cleaned_up = 0;  // clients whose last lock could not be released
};

Summary summarize(std::string load, std::size_t clients, Duration measured, const Measurements& measurements);

std::string to_table(const Summary& report);

}  // namespace lockstep::bench
