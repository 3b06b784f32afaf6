// The names that a subcommand asks about one after another: NAME... of `release` and `check`.
//
// Each has an answer of its own, a line or an object, and the exit code is the highest of theirs. An error is about the
// cluster or the session and not about its name, so it is the last answer: the names behind it were not asked about.
// What was answered stays so: if the first run ended because its session had, the next goes on behind it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/lockstep/answers/report.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {

class EachName {
 public:
  // NAME...; `this` must outlive `command`.
  void add_arguments(CLI::App& command);
  // What errors are about that come before any name is asked about.
  std::string about() const;
  // What is wrong with them, told without asking a node.
  std::optional<Report> refuse() const;

  // Prints all answers but the last, which is returned.
  Report run(bool json, const std::function<Report(const std::string& name)>& ask);

 private:
  std::vector<std::string> names_;
  std::size_t answered_ = 0;
  int exit_code_ = kExitYes;
};

}  // namespace lockstep
