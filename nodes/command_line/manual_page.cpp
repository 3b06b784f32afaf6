// The command line in roff. What a footer says indented, such as examples, stays as it is.
#include "nodes/command_line/manual_page.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>

#include "protocol/base/joined.hpp"

namespace lockstep {
namespace {

// Text as roff reads it: no character of it is a request or an escape.
std::string escaped(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool at_start = i == 0 || text[i - 1] == '\n';
    if (at_start && (text[i] == '.' || text[i] == '\'')) result += "\\&";
    switch (text[i]) {
      case '\\': result += "\\e"; break;
      case '-': result += "\\-"; break;
      case '`': result += "\\(ga"; break;
      case '\'': result += "\\(aq"; break;
      case '^': result += "\\(ha"; break;
      case '~': result += "\\(ti"; break;
      default: result += text[i];
    }
  }
  return result;
}

std::string bold(const std::string& text) { return "\\fB" + escaped(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + escaped(text) + "\\fR"; }

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// "NAME...", "[NAME]"
std::string synopsis_of(const OptionDescription& positional) {
  const std::string text = italic(positional.names.front()) + (positional.is_list ? "..." : "");
  return positional.is_required ? text : "[" + text + "]";
}

// "NAME... -- COMMAND [ARG...]": what is to be put in, in italics; what is typed as it stands, in bold.
std::string form_of(const std::string& usage) {
  std::string text;
  std::istringstream words(usage);
  for (std::string word; words >> word;) {
    const bool is_typed = word.find('-') != std::string::npos;
    text += " " + (is_typed ? bold(word) : italic(word));
  }
  return text;
}

std::string synopsis_of(const CommandDescription& command) {
  const std::string words = bold(joined(command.words, {}, " "));
  if (!command.usage.empty()) {
    return joined(
        command.usage, [&](const std::string& form) { return words + form_of(form); }, "\n.br\n");
  }
  std::string text = words;
  if (!command.options.empty()) text += " [" + italic("OPTIONS") + "]";
  for (const OptionDescription& positional : command.positionals) text += " " + synopsis_of(positional);
  if (!command.commands.empty()) text += " " + italic("COMMAND") + " ...";
  return text;
}

std::string entry_of(const OptionDescription& option) {
  std::string names;
  const bool is_positional = !option.names.front().starts_with("-");
  for (const std::string& name : option.names) {
    names += (names.empty() ? "" : ", ") + (is_positional ? italic(name) : bold(name));
  }
  if (is_positional && option.is_list) names += "...";
  if (!is_positional && !option.value.empty()) names += " " + italic(option.value);
  std::string text = ".TP\n" + names + "\n" + escaped(option.help) + ".\n";
  if (!option.choices.empty()) text += "One of " + escaped(joined(option.choices)) + ".\n";
  if (!option.otherwise.empty()) text += "Default: " + escaped(option.otherwise) + ".\n";
  return text;
}

std::string entries_of(const CommandDescription& command) {
  std::string text;
  for (const OptionDescription& positional : command.positionals) text += entry_of(positional);
  for (const OptionDescription& option : command.options) {
    const bool is_said_once = command.words.size() > 1 && option.names.back() == "--help";
    if (!is_said_once) text += entry_of(option);
  }
  return text;
}

// Begins a paragraph.
std::string footer_of(const CommandDescription& command) {
  std::string text;
  bool is_literal = false;
  bool is_new_paragraph = true;
  std::istringstream lines(command.footer);
  for (std::string line; std::getline(lines, line);) {
    const bool is_indented = line.starts_with("  ");
    if (is_literal && !is_indented) text += ".fi\n.RE\n";
    if (!is_literal && is_indented) text += ".RS 2\n.nf\n";
    const bool begins = is_new_paragraph || is_literal || line.starts_with("Exit codes:");
    if (!is_indented && !line.empty() && begins) text += ".PP\n";
    is_literal = is_indented;
    is_new_paragraph = line.empty();
    if (!line.empty()) text += escaped(is_indented ? line.substr(2) : line) + "\n";
  }
  if (is_literal) text += ".fi\n.RE\n";
  return text;
}

std::string section_of(const CommandDescription& command) {
  std::string text = ".SS " + bold(joined(command.words, {}, " ")) + "\n" + synopsis_of(command) + "\n.PP\n";
  text += escaped(command.summary) + ".\n";
  if (!command.aliases.empty()) text += "Also called " + escaped(joined(command.aliases)) + ".\n";
  return text + entries_of(command) + footer_of(command);
}

std::string environment_of(const CommandDescription& program) {
  std::string text;
  for (const CommandDescription* command : all_commands(program)) {
    for (const OptionDescription& option : command->options) {
      if (option.variable.empty()) continue;
      text += ".TP\n" + bold(option.variable) + "\nStands for " + bold(option.names.back()) + ".\n";
    }
  }
  return text.empty() ? text : ".SH ENVIRONMENT\n" + text;
}

std::string files_of(const ManualPage& page) {
  std::string text;
  for (const FileDescription& file : page.files) {
    text += ".TP\n" + italic(file.path) + "\n" + escaped(file.meaning) + "\n";
  }
  return text.empty() ? text : ".SH FILES\n" + text;
}

}  // namespace

std::string manual_page(const CommandDescription& program, const ManualPage& page) {
  const std::string name = program.words.front();
  std::string text = ".TH " + upper(name) + " " + std::to_string(page.section) + " \"\" \"" + page.version + "\"\n";
  const std::string summary = program.summary.substr(0, program.summary.find_last_not_of('.') + 1);
  text += ".SH NAME\n" + escaped(name) + " \\- " + escaped(summary) + "\n";
  text += ".SH SYNOPSIS\n" + synopsis_of(program) + "\n";
  text += ".SH OPTIONS\n" + entries_of(program);
  const auto commands = all_commands(program);
  if (commands.size() > 1) text += ".SH COMMANDS\n";
  for (const CommandDescription* command : commands) {
    if (command != &program) text += section_of(*command);
  }
  text +=
      environment_of(program) + files_of(page) + ".SH NOTES\n" + footer_of(program).substr(std::string(".PP\n").size());
  if (!page.see_also.empty()) text += ".SH SEE ALSO\n" + escaped(page.see_also) + "\n";
  return text;
}

}  // namespace lockstep
