// Walks over the definition of the commands, as the completions for other shells do.
#include "tools/lockstep/commands/shell_completion.hpp"

#include <algorithm>
#include <sstream>

#include "nodes/command_line/description.hpp"
#include "tools/lockstep/commands/commands.hpp"

namespace lockstep {
namespace {

using Words = std::vector<std::string>;

// The word under the cursor: what stands behind the last blank.
std::string last_word(const std::string& line) { return line.substr(line.find_last_of(' ') + 1); }

Words words_before(const std::string& line) {
  std::istringstream text(line.substr(0, line.find_last_of(' ') + 1));
  Words words;
  for (std::string word; text >> word;) words.push_back(word);
  return words;
}

// "session close" of "session close 4711 --why".
const CommandDescription& command_at(const CommandDescription& program, const Words& words) {
  const CommandDescription* command = &program;
  for (const std::string& word : words) {
    const auto is_it = [&](const CommandDescription& below) {
      return below.words.back() == word ||
             std::find(below.aliases.begin(), below.aliases.end(), word) != below.aliases.end();
    };
    const auto found = std::find_if(command->commands.begin(), command->commands.end(), is_it);
    if (found == command->commands.end()) break;
    command = &*found;
  }
  return *command;
}

Words names_below(const CommandDescription& command) {
  Words names;
  for (const CommandDescription& below : command.commands) {
    names.push_back(below.words.back());
    names.insert(names.end(), below.aliases.begin(), below.aliases.end());
  }
  return names;
}

Words options_of_command(const CommandDescription& command) {
  Words names;
  for (const OptionDescription& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

// All that can stand there, whatever the word begins with.
Words choices_at(const std::string& line) {
  CLI::App app("", "");
  add_subcommands(app, {});
  const CommandDescription program = describe(app);
  const Words before = words_before(line);
  const CommandDescription& command = command_at(program, before);
  if (last_word(line).starts_with("-")) return options_of_command(command);
  if (&command == &program && !before.empty()) return {};  // not a command
  Words names = names_below(command);
  if (&command == &program) names.insert(names.end(), {"help", "quit"});
  return names;
}

}  // namespace

std::vector<std::string> shell_completions(const std::string& line) {
  Words choices = choices_at(line);
  std::erase_if(choices, [word = last_word(line)](const std::string& choice) { return !choice.starts_with(word); });
  return choices;
}

std::string rest_of(const std::string& line, const std::vector<std::string>& candidates) {
  if (candidates.empty()) return {};
  std::string common = candidates.front();
  for (const std::string& candidate : candidates) {
    const auto [differs, ignored] = std::mismatch(common.begin(), common.end(), candidate.begin(), candidate.end());
    common.erase(differs, common.end());
  }
  return common.substr(last_word(line).size()) + (candidates.size() == 1 ? " " : "");
}

}  // namespace lockstep
