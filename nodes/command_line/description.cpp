// Walks over a CLI::App.
#include "nodes/command_line/description.hpp"

#include <algorithm>
#include <sstream>

#include "nodes/command_line/usage.hpp"

namespace lockstep {
namespace {

// Of "TEXT:{dealer,req}", as CLI11 writes what a validator takes.
std::vector<std::string> choices_in(const std::string& type) {
  std::vector<std::string> choices;
  const std::size_t open = type.find('{');
  const std::size_t close = type.find('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return choices;
  std::istringstream list(type.substr(open + 1, close - open - 1));
  for (std::string choice; std::getline(list, choice, ',');) choices.push_back(choice);
  return choices;
}

OptionDescription describe(const CLI::Option& option) {
  OptionDescription described;
  if (option.get_positional()) {
    described.names.push_back(option.get_name(true));
  } else {
    for (const std::string& name : option.get_snames()) described.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) described.names.push_back("--" + name);
  }
  const std::string type = option.get_type_name();
  if (option.get_items_expected_max() > 0) described.value = type.substr(0, type.find(':'));
  described.choices = choices_in(type);
  described.is_file = described.value == "FILE";
  described.is_list = option.get_expected_max() == CLI::detail::expected_max_vector_size;
  described.is_required = option.get_required();
  described.help = option.get_description();
  described.otherwise = option.get_default_str();
  described.variable = option.get_envname();
  return described;
}

CommandDescription describe(const CLI::App& app, std::vector<std::string> words) {
  CommandDescription command;
  command.words = std::move(words);
  command.words.push_back(app.get_name());
  command.aliases = app.get_aliases();
  command.summary = app.get_description();
  command.usage = usage_of(app);
  command.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    (option->get_positional() ? command.positionals : command.options).push_back(describe(*option));
  }
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (below->get_name().empty() || below->get_group().empty()) continue;
    command.commands.push_back(describe(*below, command.words));
  }
  return command;
}

void add_all(const CommandDescription& command, std::vector<const CommandDescription*>& all) {
  all.push_back(&command);
  for (const CommandDescription& below : command.commands) add_all(below, all);
}

void add_spelled(const CommandDescription& command, const std::vector<std::string>& paths,
                 std::vector<SpelledCommand>& all) {
  all.push_back({&command, paths});
  for (const CommandDescription& below : command.commands) {
    std::vector<std::string> names{below.words.back()};
    names.insert(names.end(), below.aliases.begin(), below.aliases.end());
    std::vector<std::string> longer;
    for (const std::string& path : paths) {
      const std::string before = path.empty() ? "" : path + " ";
      for (const std::string& name : names) longer.push_back(std::string(before).append(name));
    }
    add_spelled(below, longer, all);
  }
}

}  // namespace

CommandDescription describe(const CLI::App& app) { return describe(app, {}); }

std::vector<const CommandDescription*> all_commands(const CommandDescription& command) {
  std::vector<const CommandDescription*> all;
  add_all(command, all);
  return all;
}

std::vector<SpelledCommand> spelled_commands(const CommandDescription& program) {
  std::vector<SpelledCommand> all;
  add_spelled(program, {""}, all);
  return all;
}

std::vector<OptionDescription> options_at(const CommandDescription& command, const CommandDescription& program) {
  std::vector<OptionDescription> options = command.options;
  if (&command == &program) return options;
  for (const OptionDescription& option : program.options) {
    const auto is_it = [&](const OptionDescription& own) { return own.names == option.names; };
    if (std::none_of(options.begin(), options.end(), is_it)) options.push_back(option);
  }
  return options;
}

}  // namespace lockstep
