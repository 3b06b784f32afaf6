// What all pages have in common.
#include "tools/lockstep/commands/pages.hpp"

#include <iostream>

#include "tools/lockstep/answers/table.hpp"

namespace lockstep {

void add_limit(CLI::App& command, std::size_t& limit, const std::string& what) {
  command.add_option("--limit", limit, "At most so many " + what)
      ->type_name("N")
      ->transform(an_ordinal())
      ->check(CLI::PositiveNumber);
}

bool is_for_a_person(const GlobalOptions& options) { return is_at_terminal() && !options.json; }

bool show_rows(const std::vector<std::string>& rows) {
  for (const std::string& row : rows) std::cout << row << '\n';
  return static_cast<bool>(std::cout.flush());
}

void tell_more(const GlobalOptions& options, const std::string& way) {
  if (!options.json) std::cerr << "lockstep: there are more; go on with " << way << '\n';
}

}  // namespace lockstep
