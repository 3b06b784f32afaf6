#include "tools/lockstep/shell_command.hpp"

#include <csignal>
#include <iostream>
#include <set>

#include "nodes/system/clock.hpp"
#include "tools/lockstep/line_reader.hpp"
#include "tools/lockstep/list_command.hpp"
#include "tools/lockstep/one_shot.hpp"
#include "tools/lockstep/report.hpp"
#include "tools/lockstep/state_folder.hpp"
#include "tools/lockstep/status_command.hpp"

namespace lockstep {
namespace {

constexpr const char* kExamples = R"(
Without --client-id the shell is a client of its own, and releases what it holds when it ends. With it, it
is that client, and holds its state file: one-shot commands of the same id wait.
Ends with quit, Ctrl-D or the end of the input; exits with the code of its last command.

Examples:
  lockstep shell
  printf 'preempt a\ncheck a\n' | lockstep shell
  lockstep --client-id "$ID" shell)";

constexpr const char* kHelp = R"(preempt NAME                 take a lock if nobody has it
release NAME                 give it back
check NAME [--linearizable]  who has it
list [PREFIX]                the locks that are held
status                       every member: role, term, indexes, age, process
help                         this
quit                         end the shell; so does Ctrl-D
A NAME with blanks in it is written 'in quotes'.)";

volatile std::sig_atomic_t interrupted = 0;

// Without SA_RESTART, so that a read that waits for a line ends, and the shell can release what it holds.
void end_on_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

Report usage_report(const std::string& detail) {
  Report report;
  report.exit_code = kExitUsage;
  report.is_error = true;
  report.json = {{"error", "usage"}, {"definite", true}, {"detail", detail}};
  report.text = detail;
  report.advice = "`help` shows the commands";
  return report;
}

class Shell {
 public:
  Shell(const GlobalOptions& options, Client& client) : options_(options), client_(client) {}

  // False: the shell is to end.
  bool run(const std::string& line) {
    const auto words = split_words(line);
    if (!words) return show(usage_report(words.error()));
    if (words->empty()) return true;
    if (words->front() == "quit" || words->front() == "exit") return false;
    return show(run(*words));
  }

  // A client of its own is known to nobody once the shell is gone: nobody could release these.
  void release_all() {
    const Time deadline = boot_time() + options_.timeout;
    for (const std::string& name : may_hold_) {
      const auto answer = client_.release(name, std::max(deadline - boot_time(), Duration::zero()));
      if (answer && answer->released) std::cerr << "released " << name << '\n';
      if (!answer) print_error(report_of(name, answer.error()));
    }
  }

  int exit_code() const { return exit_code_; }

 private:
  bool show(const Report& report) {
    exit_code_ = finish(report, options_.json);
    return true;
  }
  static void print_error(const Report& report) { print(report, false); }

  Report run(const std::vector<std::string>& words) {
    const std::string& verb = words.front();
    if (verb == "preempt" && words.size() == 2) return preempt(words[1]);
    if (verb == "release" && words.size() == 2) return release(words[1]);
    if (verb == "check") return check(words);
    if (verb == "list" && words.size() <= 2) {
      return list_locks(client_, words.size() == 2 ? words[1] : "", options_.timeout, options_.json);
    }
    if (verb == "status" && words.size() == 1) return show_status(options_);
    if (verb == "help") {
      std::cerr << kHelp << '\n';
      return Report{};
    }
    return usage_report("not a command with these arguments: " + verb);
  }

  Report preempt(const std::string& name) {
    const auto answer = client_.preempt(name, options_.timeout);
    if (answer ? answer->granted : !answer.error().definite) may_hold_.insert(name);
    return report_of(name, answer);
  }

  Report release(const std::string& name) {
    const auto answer = client_.release(name, options_.timeout);
    if (answer) may_hold_.erase(name);
    return report_of(name, answer);
  }

  Report check(const std::vector<std::string>& words) {
    const bool linearizable = words.size() == 3 && words[2] == "--linearizable";
    if (words.size() != 2 && !linearizable) return usage_report("write: check NAME [--linearizable]");
    const auto mode = linearizable ? wire::ReadMode::kLinearizable : wire::ReadMode::kLocal;
    return report_of(words[1], client_.check(words[1], mode, options_.timeout));
  }

  const GlobalOptions& options_;
  Client& client_;
  std::set<std::string> may_hold_;
  int exit_code_ = kExitYes;
};

std::filesystem::path history_path() {
  const auto folder = open_state_folder();
  return folder ? *folder / "history" : std::filesystem::path();
}

int run_shell(const GlobalOptions& options) {
  auto opened = open_shell_client(options);
  if (!opened) return finish(report_of("", opened.error()), options.json);
  end_on_signals();
  LineReader reader(history_path());
  if (reader.is_interactive()) {
    std::cerr << "client " << to_string(opened->client.client_id()) << "; help shows the commands\n";
  }
  Shell shell(options, opened->client);
  while (interrupted == 0) {
    const auto line = reader.next();
    if (!line || !shell.run(*line)) break;
  }
  if (!opened->file) shell.release_all();
  return shell.exit_code();
}

}  // namespace

void add_shell_command(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("shell", "The commands at a prompt, with line editing and history");
  command->footer(kExamples);
  command->callback([&line] { line.chosen = [&line] { return run_shell(line.global); }; });
}

}  // namespace lockstep
