// Looks at words that the parser does not understand, or is not to see.
#include "tools/lockstep/commands/habits.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace lockstep {
namespace {

using Words = std::vector<std::string>;

constexpr std::size_t kMostSlips = 2;

// Insertions, deletions, substitutions and swaps of neighbours (Damerau 1964; optimal string alignment).
std::size_t slips_between(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> slips(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) slips[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) slips[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = slips[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      slips[i][j] = std::min({changed, slips[i - 1][j] + 1, slips[i][j - 1] + 1});
      const bool is_swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (is_swapped) slips[i][j] = std::min(slips[i][j], slips[i - 2][j - 2] + 1);
    }
  }
  return slips[a.size()][b.size()];
}

// "lockstep session" of "lockstep session clsoe": the command that the words got to, or the program itself.
const CLI::App& innermost(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : innermost(*chosen.front());
}

Words commands_of(const CLI::App& app) {
  Words names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
    const Words& aliases = command->get_aliases();
    names.insert(names.end(), aliases.begin(), aliases.end());
  }
  return names;
}

Words options_of(const CLI::App& app) {
  Words names;
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

const CLI::Option* option_of(const CLI::App& app, const CLI::App* command, const std::string& word) {
  const CLI::Option* option = command == nullptr ? nullptr : command->get_option_no_throw(word);
  return option == nullptr ? app.get_option_no_throw(word) : option;
}

// Past the options, and the values of those that have one, from `at` on; the words' end if nothing is left.
std::size_t next_argument(const CLI::App& app, const CLI::App* command, const Words& words, std::size_t at) {
  for (; at < words.size() && words[at].starts_with("-") && words[at] != "--"; ++at) {
    const CLI::Option* option = option_of(app, command, words[at]);
    if (option != nullptr && option->get_items_expected_max() > 0) ++at;  // its value
  }
  return std::min(at, words.size());
}

Words take_from(Words& words, std::size_t first) {
  Words taken(words.begin() + static_cast<std::ptrdiff_t>(first), words.end());
  words.resize(first);
  return taken;
}

// "check takes no more arguments: 'b'"
std::string unexpected_argument(const CLI::App& command, const std::string& word) {
  const auto positionals = command.get_options([](const CLI::Option* option) { return option->get_positional(); });
  return command.get_name() + (positionals.empty() ? " takes no argument" : " takes no more arguments") + ": '" + word +
         "'";
}

// The option that a complaint of the parser begins with: "--wait: 1 required DURATION missing".
std::string option_in(const CLI::ParseError& error) {
  const std::string text = error.what();
  return text.starts_with("-") ? text.substr(0, text.find(':')) : "";
}

std::string missing_value(const CLI::App& app, const CLI::App& command, const std::string& name) {
  const CLI::Option* option = option_of(app, &command, name);
  const std::string type = option == nullptr ? "" : option->get_type_name();
  if (type == "DURATION") return name + " needs a duration, such as 30s";
  return name + " needs a value" + (type.empty() ? "" : ", its " + type);
}

std::string unknown_option(const CLI::App& app, const std::string& word) {
  const std::string hint = did_you_mean(word.substr(0, word.find('=')), options_of(innermost(app)));
  const bool is_name = hint.empty() && !word.starts_with("--");
  const std::string way = is_name ? "a name that begins with - goes after --" : hint;
  return "unknown option '" + word + "'" + (way.empty() ? "" : "; " + way);
}

}  // namespace

std::string did_you_mean(const std::string& word, const Words& choices) {
  const auto slips = [&word](const std::string& choice) { return slips_between(word, choice); };
  const auto best = std::min_element(choices.begin(), choices.end(),
                                     [&](const std::string& a, const std::string& b) { return slips(a) < slips(b); });
  if (best == choices.end() || slips(*best) > kMostSlips || 3 * slips(*best) > best->size()) return {};
  return "did you mean '" + *best + "'?";
}

std::string what_is_wrong(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = innermost(app);
  const Words unknown = app.remaining(true);
  const bool has_commands = !commands_of(command).empty();
  if (!unknown.empty() && unknown.front().starts_with("-")) return unknown_option(app, unknown.front());
  if (!unknown.empty() && has_commands) {
    const std::string hint = did_you_mean(unknown.front(), commands_of(command));
    return "unknown command '" + unknown.front() + "'" + (hint.empty() ? "" : "; " + hint);
  }
  if (!unknown.empty()) return unexpected_argument(command, unknown.front());
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && has_commands) return "a command is missing";
  const std::string option = option_in(error);
  const bool lacks_value = dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr && !option.empty();
  return lacks_value ? missing_value(app, command, option) : error.what();
}

bool is_about_global_option(const CLI::App& app, const CLI::ParseError& error) {
  const std::string option = option_in(error);
  const CLI::App& command = innermost(app);
  if (option.empty() || app.get_option_no_throw(option) == nullptr) return false;
  return &command == &app || command.get_option_no_throw(option) == nullptr;
}

Words with_help_as_option(Words words) {
  if (words.empty()) return words;
  if (words.front() == "version" && words.size() == 1) return {"--version"};
  if (words.front() != "help") return words;
  words.erase(words.begin());
  words.emplace_back("--help");
  return words;
}

bool asks_for_a_text(const CLI::App& app, const Words& words) {
  constexpr std::array<std::string_view, 3> kOptions{"-h", "--help", "--version"};
  constexpr std::array<std::string_view, 2> kCommands{"manual", "completion"};
  if (std::find_first_of(words.begin(), words.end(), kOptions.begin(), kOptions.end()) != words.end()) return true;
  const std::size_t command = next_argument(app, nullptr, words, 0);
  return command < words.size() && std::find(kCommands.begin(), kCommands.end(), words[command]) != kCommands.end();
}

std::optional<Report> refuse_words(const Words& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool is_server = i > 0 && words[i - 1] == "--server";
    if (is_server || !words[i].starts_with("[") || !words[i].ends_with("]")) continue;
    return usage_report("'" + words[i] + "': a name in brackets cannot be given on the command line",
                        "write names one after another, without brackets");
  }
  return std::nullopt;
}

bool is_run(const CLI::App& app, const Words& words) {
  const std::size_t command = next_argument(app, nullptr, words, 0);
  return command < words.size() && words[command] == "run";
}

Words take_command(const CLI::App& app, Words& words) {
  if (!is_run(app, words)) return {};
  const CLI::App* run = app.get_subcommand("run");
  const std::size_t name = next_argument(app, run, words, next_argument(app, nullptr, words, 0) + 1);
  const bool names_are_marked = name < words.size() && words[name] == "--";
  const auto after_name = words.begin() + static_cast<std::ptrdiff_t>(std::min(name + 1, words.size()));
  const auto separator = std::find(after_name, words.end(), "--");
  if (separator != words.end()) {
    Words command = take_from(words, static_cast<std::size_t>(separator - words.begin()) + 1);
    words.pop_back();
    return command;
  }
  if (names_are_marked) return {};
  return take_from(words, next_argument(app, run, words, std::min(name + 1, words.size())));
}

}  // namespace lockstep
