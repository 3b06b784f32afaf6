// Prints them; the definition is complete once the command line was read.
#include "tools/lockstep/commands/document_commands.hpp"

#include <iostream>
#include <memory>

#include "nodes/command_line/completion.hpp"
#include "nodes/command_line/manual_page.hpp"
#include "tools/lockstep/answers/report.hpp"

namespace lockstep {
namespace {

int print_text(const std::string& text) {
  std::cout << text;
  return kExitYes;
}

}  // namespace

void add_document_commands(CLI::App& app, CommandLine& line) {
  auto* manual = app.add_subcommand("manual", "Print the manual page")->group("");
  manual->callback([&app, &line] {
    line.chosen = [&app] { return print_text(manual_page(describe(app), {1, app.version(), "lockstepd(8)"})); };
  });
  auto* completion = app.add_subcommand("completion", "Print a script that completes this command line")->group("");
  const auto shell = std::make_shared<std::string>();
  completion->add_option("SHELL", *shell, "The shell")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->callback([&app, &line, shell] {
    line.chosen = [&app, shell] { return print_text(completion_for(*shell, describe(app))); };
  });
}

}  // namespace lockstep
