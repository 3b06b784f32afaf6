// A program's command line as values, read from its CLI11 definition: what a manual page and completions are made of.
//
// So nothing is written twice. What is hidden from --help is hidden here.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace lockstep {

struct OptionDescription {
  std::vector<std::string> names;    // "-n", "--count"; one without dashes for a positional
  std::string value;                 // what it takes: "DURATION"; empty for a flag
  std::vector<std::string> choices;  // if only these are taken
  bool is_file = false;
  bool is_list = false;
  bool is_required = false;
  std::string help;
  std::string otherwise;  // its default
  std::string variable;   // of the environment
};

struct CommandDescription {
  std::vector<std::string> words;  // "lockstep", "session", "close"
  std::vector<std::string> aliases;
  std::string summary;
  std::vector<std::string> usage;  // how it is written, if that does not follow from what is below
  std::string footer;
  std::vector<OptionDescription> options;
  std::vector<OptionDescription> positionals;
  std::vector<CommandDescription> commands;
};

CommandDescription describe(const CLI::App& app);

// The command and all below it, each before those below it.
std::vector<const CommandDescription*> all_commands(const CommandDescription& command);

// A command with all ways to write it after the program's name: "session close" and, with aliases, others.
struct SpelledCommand {
  const CommandDescription* command;
  std::vector<std::string> paths;  // of the program itself: the empty one
};
std::vector<SpelledCommand> spelled_commands(const CommandDescription& program);

// A command's own options and those of the program, which may stand after the command, too.
std::vector<OptionDescription> options_at(const CommandDescription& command, const CommandDescription& program);

}  // namespace lockstep
