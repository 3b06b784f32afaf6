// Which locks are wanted, and how: the arguments that `acquire` and `run` have in common.
#pragma once

#include <string>
#include <vector>

#include "lockstep/client.hpp"
#include "tools/lockstep/answers/report.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {

class LockTerms {
 public:
  // NAME..., --wait, --shared, --permits; `this` must outlive `command`.
  void add_arguments(CLI::App& command);
  // What is wrong with them, told without asking a node.
  std::optional<Report> refuse() const;

  const std::vector<std::string>& names() const { return names_; }
  AcquireOptions options() const;

 private:
  std::vector<std::string> names_;
  std::optional<Duration> wait_;  // none: for ever
  bool shared_ = false;
  std::uint32_t permits_ = 0;  // 0: no semaphore
};

// For AcquireOptions::on_progress: a line on stderr, so that nobody wonders what takes so long.
void tell_progress(const LineProgress& progress);

}  // namespace lockstep
