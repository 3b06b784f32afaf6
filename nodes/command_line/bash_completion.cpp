// One function that finds out which command the words before the cursor lead to.
#include <set>

#include "nodes/command_line/completion.hpp"
#include "protocol/base/joined.hpp"

namespace lockstep {
namespace {

// Names of options and commands have no character that the shell reads as anything else.
std::string pattern_of(const std::vector<std::string>& alternatives) {
  return "'" + joined(alternatives, {}, "' | '") + "'";
}

std::vector<std::string> names_of_options_with_values(const CommandDescription& program) {
  std::set<std::string> names;
  for (const CommandDescription* command : all_commands(program)) {
    for (const OptionDescription& option : command->options) {
      if (!option.value.empty()) names.insert(option.names.begin(), option.names.end());
    }
  }
  return {names.begin(), names.end()};
}

// What may come after an option that takes a value: a choice, a file, or what nobody can guess.
std::string values_at(const CommandDescription& command, const CommandDescription& program) {
  std::string text;
  for (const OptionDescription& option : options_at(command, program)) {
    if (option.value.empty()) continue;
    text += "        " + pattern_of(option.names) + ")";
    if (!option.choices.empty()) text += " words='" + joined(option.choices, {}, " ") + "'";
    if (option.is_file) text += " files=yes";
    text += " ;;\n";
  }
  return text;
}

std::string words_at(const CommandDescription& command, const CommandDescription& program) {
  std::vector<std::string> words;
  for (const CommandDescription& below : command.commands) {
    words.push_back(below.words.back());
    words.insert(words.end(), below.aliases.begin(), below.aliases.end());
  }
  for (const OptionDescription& option : options_at(command, program)) {
    words.insert(words.end(), option.names.begin(), option.names.end());
  }
  return joined(words, {}, " ");
}

bool takes_files(const CommandDescription& command) {
  for (const OptionDescription& positional : command.positionals) {
    if (positional.is_file) return true;
  }
  return false;
}

std::string case_of(const SpelledCommand& spelled, const CommandDescription& program) {
  const CommandDescription& command = *spelled.command;
  std::string text = "    " + pattern_of(spelled.paths) + ")\n      case $before in\n" + values_at(command, program);
  text +=
      "        *) words='" + words_at(command, program) + "'" + (takes_files(command) ? " files=yes" : "") + " ;;\n";
  return text + "      esac\n      ;;\n";
}

std::string all_paths(const CommandDescription& program) {
  std::vector<std::string> paths;
  for (const SpelledCommand& spelled : spelled_commands(program)) {
    if (spelled.command != &program) paths.insert(paths.end(), spelled.paths.begin(), spelled.paths.end());
  }
  return paths.empty() ? "''" : pattern_of(paths);
}

}  // namespace

std::string bash_completion(const CommandDescription& program) {
  const std::string name = program.words.front();
  std::string text = "# bash completion for " + name + ", made by the program itself.\n_" + name + R"(() {
  local current=${COMP_WORDS[COMP_CWORD]} before='' path='' word words='' files='' i
  ((COMP_CWORD == 1)) || before=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
      --)
        if declare -F _command_offset >/dev/null; then
          _command_offset $((i + 1))
        else
          mapfile -t COMPREPLY < <(compgen -c -- "$current")
        fi
        return
        ;;
)";
  const auto with_values = names_of_options_with_values(program);
  if (!with_values.empty()) text += "      " + pattern_of(with_values) + ") ((++i)) ;;\n";
  text += R"(      -*) ;;
      *)
        case "${path:+$path }$word" in
          )" +
          all_paths(program) +
          R"() path=${path:+$path }$word ;;
        esac
        ;;
    esac
  done
  case $path in
)";
  for (const SpelledCommand& spelled : spelled_commands(program)) text += case_of(spelled, program);
  text += R"(  esac
  mapfile -t COMPREPLY < <(
    [[ -z $words ]] || compgen -W "$words" -- "$current" || true
    [[ -z $files || $current == -* ]] || compgen -f -- "$current" || true
  )
  [[ -z $files ]] || compopt -o filenames 2>/dev/null
  return 0
}
complete -F _)" +
          name + " " + name + "\n";
  return text;
}

std::string completion_for(const std::string& shell, const CommandDescription& program) {
  if (shell == "zsh") return zsh_completion(program);
  return shell == "fish" ? fish_completion(program) : bash_completion(program);
}

}  // namespace lockstep
