// One condition, which command the words before the cursor lead to, and a line for each thing to offer there.
#include <set>

#include "nodes/command_line/completion.hpp"
#include "protocol/base/joined.hpp"

namespace lockstep {
namespace {

std::string fish_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\\' || c == '\'') result += '\\';
    result += c;
  }
  return result + "'";
}

std::string fish_quoted_all(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += " " + fish_quoted(word);
  return text;
}

std::string condition_of(const std::string& function, const SpelledCommand& spelled) {
  return " -n " + fish_quoted(function + fish_quoted_all(spelled.paths));
}

std::string names_in_fish(const OptionDescription& option) {
  std::string text;
  for (const std::string& name : option.names) {
    text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  return text;
}

std::string lines_of(const std::string& function, const SpelledCommand& spelled, const CommandDescription& program) {
  const std::string start = "complete -c " + program.words.front() + condition_of(function, spelled);
  std::string text;
  for (const CommandDescription& below : spelled.command->commands) {
    std::vector<std::string> names{below.words.back()};
    names.insert(names.end(), below.aliases.begin(), below.aliases.end());
    text += start + " -a " + fish_quoted(joined(names, {}, " ")) + " -d " + fish_quoted(below.summary) + "\n";
  }
  for (const OptionDescription& option : options_at(*spelled.command, program)) {
    text += start + names_in_fish(option) + (option.value.empty() ? "" : " -r") + (option.is_file ? " -F" : "");
    if (!option.choices.empty()) text += " -a " + fish_quoted(joined(option.choices, {}, " "));
    text += " -d " + fish_quoted(option.help) + "\n";
  }
  for (const OptionDescription& positional : spelled.command->positionals) {
    if (positional.is_file) text += start + " -F\n";
  }
  return text;
}

}  // namespace

std::string fish_completion(const CommandDescription& program) {
  const std::string name = program.words.front();
  const std::string function = "__" + name + "_is_at";
  std::set<std::string> with_values;
  std::vector<std::string> paths;
  for (const SpelledCommand& spelled : spelled_commands(program)) {
    paths.insert(paths.end(), spelled.paths.begin(), spelled.paths.end());
    for (const OptionDescription& option : spelled.command->options) {
      if (!option.value.empty()) with_values.insert(option.names.begin(), option.names.end());
    }
  }
  std::string text = "# fish completion for " + name + ", made by the program itself.\nfunction " + function + R"(
  set -l path ''
  set -l is_value no
  for word in (commandline -opc)[2..-1]
    if test $is_value = yes
      set is_value no
      continue
    end
    switch $word
      case --
        return 1
)";
  if (!with_values.empty()) {
    text += "      case" + fish_quoted_all({with_values.begin(), with_values.end()}) + "\n        set is_value yes\n";
  }
  text += R"(      case '-*'
      case '*'
        set -l longer (string trim "$path $word")
        if contains -- $longer)" +
          fish_quoted_all(paths) + R"(
          set path $longer
        end
    end
  end
  contains -- "$path" $argv
end
complete -c )" +
          name + " -f\n";
  for (const SpelledCommand& spelled : spelled_commands(program)) text += lines_of(function, spelled, program);
  return text;
}

}  // namespace lockstep
