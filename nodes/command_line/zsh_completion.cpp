// One function a command, in the form of zsh's _arguments.
#include "nodes/command_line/completion.hpp"
#include "nodes/command_line/shell_quoted.hpp"
#include "protocol/base/joined.hpp"

namespace lockstep {
namespace {

// Within a spec of _arguments or _describe.
std::string in_spec(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string action_of(const OptionDescription& option) {
  if (!option.choices.empty()) return "(" + joined(option.choices, {}, " ") + ")";
  return option.is_file ? "_files" : " ";
}

std::string spec_of(const OptionDescription& option) {
  std::string text;
  const std::string value = option.value.empty() ? "" : ":" + in_spec(option.value) + ":" + action_of(option);
  const std::string rest = "[" + in_spec(option.help) + "]" + value;
  for (const std::string& name : option.names) text += "    " + shell_quoted(std::string(name).append(rest)) + " \\\n";
  return text;
}

std::string function_of(const CommandDescription& command) { return "_" + joined(command.words, {}, "__"); }

std::string body_of_group(const CommandDescription& command) {
  std::string text = "    '1: :->command' \\\n    '*:: :->rest' && return\n  case $state in\n    command)\n";
  text += "      local -a commands=(\n";
  for (const CommandDescription& below : command.commands) {
    const std::string summary = ":" + in_spec(below.summary);
    text += "        " + shell_quoted(below.words.back() + summary) + "\n";
    for (const std::string& alias : below.aliases) text += "        " + shell_quoted(alias + summary) + "\n";
  }
  text += "      )\n      _describe command commands\n      ;;\n    rest)\n      case $words[1] in\n";
  for (const CommandDescription& below : command.commands) {
    text += "        " + below.words.back();
    for (const std::string& alias : below.aliases) text += " | " + alias;
    text += ") " + function_of(below) + " ;;\n";
  }
  return text + "      esac\n      ;;\n  esac\n";
}

std::string body_of_positionals(const CommandDescription& command) {
  std::string text;
  for (const OptionDescription& positional : command.positionals) {
    text += "    " + shell_quoted("*:" + in_spec(positional.names.front()) + ":" + action_of(positional)) + " \\\n";
    break;  // zsh takes one rest
  }
  return text + "    && return\n";
}

std::string function_text(const CommandDescription& command, const CommandDescription& program) {
  std::string text = function_of(command) + "() {\n  local state line\n  _arguments -C -S \\\n";
  for (const OptionDescription& option : options_at(command, program)) text += spec_of(option);
  return text + (command.commands.empty() ? body_of_positionals(command) : body_of_group(command)) + "}\n";
}

}  // namespace

std::string zsh_completion(const CommandDescription& program) {
  const std::string name = program.words.front();
  std::string text = "#compdef " + name + "\n# zsh completion for " + name + ", made by the program itself.\n";
  for (const CommandDescription* command : all_commands(program)) text += function_text(*command, program);
  return text + "_" + name + " \"$@\"\n";
}

}  // namespace lockstep
