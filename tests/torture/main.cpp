// lockstep-torture: a real cluster under faults, and whether its history is one that a correct lock service can have.
// tools/torture builds and runs it.
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>

#include "nodes/system/entropy.hpp"
#include "tests/support/process.hpp"
#include "tests/torture/checker.hpp"
#include "tests/torture/client_process.hpp"
#include "tests/torture/summary.hpp"
#include "tests/torture/torture_run.hpp"

namespace lockstep::torture {
namespace {

enum ExitCode { kOk = 0, kUsage = 2, kViolation = 10, kSetup = 11, kInterrupted = 130 };

std::atomic<bool> interrupted = false;

struct CommandLine {
  RunOptions run;
  std::vector<std::string> faults;
  std::string history;
  std::string check;
  bool json = false;
  ClientProcessOptions clients;
};

int tell(const CommandLine& command_line, const History& history) {
  const Verdict verdict = check(history);
  const Summary summary = summarize(history);
  const std::string text = command_line.json ? to_json(summary, verdict) + "\n" : to_text(summary, verdict);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  return verdict.violations.empty() ? kOk : kViolation;
}

int check_file(const CommandLine& command_line) {
  History history;
  read_into(history, command_line.check);
  return tell(command_line, history);
}

int torture(CommandLine& command_line) {
  std::signal(SIGINT, [](int) { interrupted = true; });
  std::signal(SIGTERM, [](int) { interrupted = true; });
  std::signal(SIGPIPE, SIG_IGN);
  testing::TemporaryFolder folder;
  command_line.run.folder = folder.path();
  std::fprintf(stderr, "seed %llu; nodes, logs and records in %s\n",
               static_cast<unsigned long long>(command_line.run.seed), folder.path().c_str());
  std::optional<History> history;
  {
    TortureRun run(command_line.run, interrupted,
                   [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); });
    history = run.run();
  }
  if (!history) return kInterrupted;
  const std::filesystem::path file =
      command_line.history.empty() ? folder.path() / "history.jsonl" : std::filesystem::path(command_line.history);
  write(*history, file);
  std::fprintf(stderr, "the history of %zu calls is checked\n", history->calls.size());
  const int exit_code = tell(command_line, *history);
  if (exit_code != kOk) {
    folder.keep();
    std::fprintf(stderr, "history: %s; logs: %s\n", file.c_str(), folder.path().c_str());
  }
  return exit_code;
}

// Where the program is that was built with this one, unless it is said.
std::string lockstepd_beside_this() {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "lockstepd").string();
}

void add_options(CLI::App& app, CommandLine& command_line) {
  std::string kinds;
  for (const FaultName& each : fault_names()) kinds += (kinds.empty() ? "" : ", ") + std::string(each.name);
  const auto is_a_fault = [](const std::string& name) {
    return parse_fault(name) ? std::string() : "'" + name + "' is no kind of fault";
  };
  app.add_option("--seconds", command_line.run.seconds, "How long the load lasts")->check(CLI::Range(1, 86'400));
  app.add_option("--seed", command_line.run.seed, "Decides the faults and what clients ask; otherwise random");
  app.add_option("--clients", command_line.run.clients, "How many at a time")->check(CLI::Range(1, 1000));
  app.add_option("--nodes", command_line.run.nodes, "3, 5 or 7")->check(CLI::IsMember({3, 5, 7}));
  app.add_option("--faults", command_line.faults, "Of " + kinds + "; otherwise all")
      ->delimiter(',')
      ->check(CLI::Validator(is_a_fault, "FAULT"));
  app.add_option("--history", command_line.history, "The file for the history");
  app.add_option("--check", command_line.check, "Run nothing, check the history in this file");
  app.add_option("--lockstepd", command_line.run.lockstepd, "The program to run; otherwise the one beside this one");
  app.add_flag("--json", command_line.json, "The summary as one JSON object");
}

// What this program starts of itself.
CLI::App* add_clients(CLI::App& app, ClientProcessOptions& options) {
  CLI::App* clients = app.add_subcommand("clients")->group("");
  clients->add_option("--first", options.first_client);
  clients->add_option("--count", options.clients);
  clients->add_option("--nodes", options.nodes)->delimiter(',');
  clients->add_option("--endpoints", options.endpoints)->delimiter(',');
  clients->add_option("--seed", options.seed);
  clients->add_option("--record", options.record);
  return clients;
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("lockstep-torture: a cluster of real nodes and clients under faults, and a checker of its history.");
  CommandLine command_line;
  command_line.run.seed = random_identifier() % 1'000'000'000;
  add_options(app, command_line);
  const CLI::App* clients = add_clients(app, command_line.clients);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  if (clients->parsed()) return run_clients(command_line.clients);
  if (!command_line.check.empty()) return check_file(command_line);
  for (const FaultName& each : fault_names()) {
    const auto& chosen = command_line.faults;
    const bool is_chosen = chosen.empty() || std::find(chosen.begin(), chosen.end(), each.name) != chosen.end();
    if (is_chosen) command_line.run.faults.push_back(each.kind);
  }
  std::string& lockstepd = command_line.run.lockstepd;  // started in another folder than this one
  lockstepd = lockstepd.empty() ? lockstepd_beside_this() : std::filesystem::absolute(lockstepd).string();
  return torture(command_line);
}

}  // namespace
}  // namespace lockstep::torture

int main(int argc, char** argv) {
  try {
    return lockstep::torture::parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lockstep-torture: %s\n", error.what());
  }
  return lockstep::torture::kSetup;
}
