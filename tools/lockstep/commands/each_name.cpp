// One name after another, until an error.
#include "tools/lockstep/commands/each_name.hpp"

#include <algorithm>

namespace lockstep {

void EachName::add_arguments(CLI::App& command) {
  command.add_option("NAME", names_, "The locks' names, one after another")->required();
}

std::string EachName::about() const { return joined(names_); }

std::optional<Report> EachName::refuse() const {
  for (const std::string& name : names_) {
    if (auto bad = report_of_bad_name(name)) return bad;
  }
  return report_of_repeated_name(names_);
}

Report EachName::run(bool json, const std::function<Report(const std::string& name)>& ask) {
  for (;;) {
    Report report = ask(names_[answered_]);
    report.exit_code = std::max(report.exit_code, exit_code_);
    if (report.is_error || answered_ + 1 == names_.size()) return report;
    exit_code_ = report.exit_code;
    ++answered_;
    print(report, json);
  }
}

}  // namespace lockstep
