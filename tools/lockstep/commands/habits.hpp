// What people type out of habit: commands of other tools, and words with a letter wrong.
//
// What is clear is understood (the other names of the commands stand with them, in SubcommandEntry::alias); what is not
// is answered with what may be meant. Nothing is guessed that would change a lock.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/lockstep/answers/report.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {

// "did you mean 'check'?", if one of the choices is close to the word; else nothing. Close: at most two letters put in,
// left out, changed or swapped with their neighbour, and at most a third of them.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& choices);

// What is wrong with a command line that could not be parsed, with a hint if there is one. `app` has read what it
// could.
std::string what_is_wrong(const CLI::App& app, const CLI::ParseError& error);
// Whether it is said of an option that every command has: `lockstep --help` explains those.
bool is_about_global_option(const CLI::App& app, const CLI::ParseError& error);

// `help COMMAND` is `COMMAND --help`, and `version` is `--version`.
std::vector<std::string> with_help_as_option(std::vector<std::string> words);

// Whether a text of the program itself is asked for: its help, its version, its manual page, a completion. That is the
// same everywhere, whatever the environment and the configuration files say.
bool asks_for_a_text(const CLI::App& app, const std::vector<std::string>& words);

// What the parser would take for something else: it splits a word in brackets at its commas. The value of --server may
// have brackets.
std::optional<Report> refuse_words(const std::vector<std::string>& words);

// The first word that is neither an option nor an option's value is the command: whether it is `run`.
bool is_run(const CLI::App& app, const std::vector<std::string>& words);

// Of `run NAME... -- COMMAND ARGUMENTS`, takes the part after the --, which is not ours to understand, off `words`.
// Without a --, there is one name, and the rest is the command, as flock(1) has it: `run NAME COMMAND ARGUMENTS`. A --
// before the first name says, as everywhere, that what follows is no option; then the command needs a -- of its own:
// `run -- -n -- COMMAND`. All commands must have been added to `app`.
std::vector<std::string> take_command(const CLI::App& app, std::vector<std::string>& words);

}  // namespace lockstep
