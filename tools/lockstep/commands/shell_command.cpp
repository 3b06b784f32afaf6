// Splits a line into words, parses them like a command line, and runs them with the shell's client.
#include "tools/lockstep/commands/shell_command.hpp"

#include <algorithm>
#include <csignal>
#include <iostream>

#include "tools/lockstep/answers/report.hpp"
#include "tools/lockstep/commands/commands.hpp"
#include "tools/lockstep/commands/explained.hpp"
#include "tools/lockstep/commands/habits.hpp"
#include "tools/lockstep/commands/line_reader.hpp"
#include "tools/lockstep/commands/one_shot.hpp"
#include "tools/lockstep/commands/stop_on_signal.hpp"
#include "tools/lockstep/kept/state_folder.hpp"

namespace lockstep {
namespace {

constexpr const char* kExamples = R"(
Without --client-id the shell is a client of its own, and what it holds comes free when it ends. With it, it
is that client, and holds its state file: one-shot commands of the same id wait.
Tab completes commands and options. Ctrl-C ends a command that waits. quit, Ctrl-D or the end of the input end the shell; it exits with the code of its
last command.

Examples:
  lockstep shell
  printf 'preempt a\ncheck a\n' | lockstep shell
  lockstep --client-id "$ID" shell)";

volatile std::sig_atomic_t interrupted = 0;

// Without SA_RESTART, so that a read that waits for a line ends, and the shell can give back what it holds.
void end_on_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

void show_help() {
  constexpr std::size_t kColumn = 16;
  for (const SubcommandEntry& entry : subcommands()) {
    const std::string name(entry.name);
    std::cerr << name << std::string(kColumn - name.size(), ' ') << entry.summary << '\n';
  }
  std::cerr << "help            this; NAME --help says more about each\n"
               "quit            end the shell; so does Ctrl-D\n"
               "A name with blanks in it is written 'in quotes'. Tab completes commands and options.\n";
}

class Shell {
 public:
  Shell(const GlobalOptions& options, Client& client) : options_(options), client_(client) {}

  // False: the shell is to end.
  bool run(const std::string& line) {
    const auto words = split_words(line);
    if (!words) return show(usage(words.error()));
    if (words->empty()) return true;
    if (words->front() == "quit" || words->front() == "exit") return false;
    if (words->front() == "help") return show_help(), true;
    return show(run(*words));
  }

  int exit_code() const { return exit_code_; }

 private:
  bool show(const Report& report) {
    exit_code_ = finish(report, options_.json);
    return true;
  }

  static bool is_subcommand(const std::string& word) {
    const auto starts_so = [&](const SubcommandEntry& entry) {
      return entry.name.substr(0, entry.name.find(' ')) == word || entry.alias == word;
    };
    return std::any_of(subcommands().begin(), subcommands().end(), starts_so);
  }

  static std::string hint_for(const std::string& word) {
    std::vector<std::string> names;
    for (const SubcommandEntry& entry : subcommands()) names.emplace_back(entry.name.substr(0, entry.name.find(' ')));
    const std::string hint = did_you_mean(word, names);
    return hint.empty() ? "" : "; " + hint;
  }

  static Report usage(const std::string& detail) { return usage_report(detail, "`help` shows the commands"); }

  Report run(std::vector<std::string> words) {
    if (!is_subcommand(words.front())) return usage("not a command: " + words.front() + hint_for(words.front()));
    CLI::App app("", "");
    app.require_subcommand(1);
    Report report;
    add_subcommands(app, [&](const SubcommandEntry& entry, const std::shared_ptr<Subcommand>& subcommand) {
      report = run(entry, *subcommand);
    });
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    try {
      app.parse(std::move(words));
    } catch (const CLI::Success& help) {
      app.exit(help, std::cerr, std::cerr);
    } catch (const CLI::ParseError& error) {
      return usage(what_is_wrong(app, error));
    }
    return report;
  }

  Report run(const SubcommandEntry& entry, Subcommand& subcommand) {
    if (auto refused = subcommand.refuse()) return *std::move(refused);
    if (!entry.waits) {
      return explained(options_, subcommand.run(SubcommandRun{&client_, options_, options_.timeout, {}}));
    }
    StopOnSignal interrupt;
    Report report =
        explained(options_, subcommand.run(SubcommandRun{&client_, options_, options_.timeout, interrupt.token()}));
    if (const int signal = interrupt.finish(); signal != 0 && signal != SIGINT) interrupted = 1;
    return report;
  }

  const GlobalOptions& options_;
  Client& client_;
  int exit_code_ = kExitYes;
};

void tell_losses(const LeaseEvent& event) {
  const auto tell = [](const std::vector<OwnedLock>& locks, std::string_view why) {
    for (const OwnedLock& lock : locks) std::cerr << "lockstep: lost " + lock.name + ": " + std::string(why) + "\n";
  };
  const auto* lost = std::get_if<LeaseLost>(&event);
  // What the shell closed by its own wish is no loss.
  if (lost != nullptr && lost->reason != LossReason::kClosed) tell(lost->locks, to_string(lost->reason));
  if (const auto* forced = std::get_if<LocksForced>(&event)) tell(forced->locks, to_string(LossReason::kForced));
}

std::filesystem::path history_path() {
  const auto folder = open_state_folder();
  return folder ? *folder / "history" : std::filesystem::path();
}

// A client of its own is known to nobody once the shell is gone.
void give_back(Client& client, Duration timeout) {
  if (!client.session()) return;
  const auto closed = client.close(timeout);
  // After a definite error there is nothing left to give back. Else the last command has said already what is wrong.
  if (closed || closed.error().definite) return;
  std::cerr << "lockstep: what this shell held comes free when its lease has run out: no node took it back in time\n";
}

int run_shell(const GlobalOptions& options) {
  std::optional<BlockedSignals> in_threads(std::in_place, std::initializer_list<int>{SIGINT, SIGTERM, SIGHUP});
  auto opened = open_shell_client(options);
  in_threads.reset();  // the client's threads have them blocked for good
  if (!opened) return finish(report_of("", opened.error()), options.json);
  end_on_signals();
  opened->client.on_lease_event(tell_losses);
  LineReader reader(history_path());
  if (reader.is_interactive()) {
    std::cerr << "client " << to_string(opened->client.client_id()) << "; help shows the commands\n";
  }
  Shell shell(options, opened->client);
  while (interrupted == 0) {
    const auto line = reader.next();
    if (!line || !shell.run(*line)) break;
  }
  if (!opened->file) give_back(opened->client, options.timeout);
  return shell.exit_code();
}

}  // namespace

void add_shell_command(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("shell", "The commands at a prompt, with line editing and history");
  command->footer(kExamples);
  command->callback([&line] { line.chosen = [&line] { return run_shell(line.global); }; });
}

}  // namespace lockstep
