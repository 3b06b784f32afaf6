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

std::vector<FileDescription> files() {
  return {
      {"/etc/lockstep/client.toml", "For every user: servers and timeout, written as for the options."},
      {"~/.config/lockstep/client.toml", "The same for one user, and stronger. In XDG_CONFIG_HOME if that is set."},
      {"~/.local/state/lockstep",
       "The user's client id, its sessions, and the history of the shell. In XDG_STATE_HOME if that is set."},
      {"/etc/lockstep/jobs/*.conf", "Jobs that run under a lock, by the timer lockstep-run@.timer."},
  };
}

}  // namespace

void add_document_commands(CLI::App& app, CommandLine& line) {
  auto* manual = app.add_subcommand("manual", "Print the manual page")->group("");
  manual->callback([&app, &line] {
    line.chosen = [&app] {
      return print_text(manual_page(describe(app), {1, app.version(), "lockstepd(8)", files()}));
    };
  });
  auto* completion = app.add_subcommand("completion", "Print a script that completes this command line")->group("");
  const auto shell = std::make_shared<std::string>();
  completion->add_option("SHELL", *shell, "The shell")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->callback([&app, &line, shell] {
    line.chosen = [&app, shell] { return print_text(completion_for(*shell, describe(app))); };
  });
}

}  // namespace lockstep
