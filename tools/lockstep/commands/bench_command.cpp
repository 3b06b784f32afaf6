// Reads the options of `bench`, runs the load, and prints the summary.
#include "tools/lockstep/commands/bench_command.hpp"

#include <atomic>
#include <csignal>
#include <iostream>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "lockstep/client.hpp"
#include "nodes/system/clock.hpp"
#include "nodes/system/entropy.hpp"
#include "tools/lockstep/answers/report.hpp"
#include "tools/lockstep/bench/load_run.hpp"

namespace lockstep {
namespace {

constexpr std::size_t kMostClients = 1000;

std::atomic<bool> ends_early = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may set it");

// The first Ctrl-C ends the run early, with its result and nothing left held; a second one ends the program.
void end_early_on_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { ends_early.store(true); };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
}

nlohmann::json summary_json(const bench::Summary& report) {
  const auto microseconds = [](Duration d) { return std::chrono::duration_cast<std::chrono::microseconds>(d).count(); };
  return {{"load", report.load},
          {"clients", report.clients},
          {"measured_ms", std::chrono::duration_cast<std::chrono::milliseconds>(report.measured).count()},
          {"operations", report.operations},
          {"operations_per_second", static_cast<std::uint64_t>(report.operations_per_second)},
          {"p50_us", microseconds(report.p50)},
          {"p99_us", microseconds(report.p99)},
          {"p999_us", microseconds(report.p999)},
          {"max_us", microseconds(report.max)},
          {"answers", report.answers},
          {"errors", report.errors},
          {"not_cleaned_up", report.not_cleaned_up}};
}

ClientOptions fresh_client() {
  ClientOptions options;
  options.client = make_client_id();
  fill_with_entropy(options.secret);
  options.nonce = random_identifier();
  options.seed = random_identifier();
  return options;
}

int run_bench(const GlobalOptions& global, bench::LoadOptions options) {
  options.servers = global.servers;
  options.timeout = global.timeout;
  options.seed = random_identifier();
  options.prefix = "bench/" + to_string(make_client_id());
  end_early_on_interrupt();

  bench::LoadHost host;
  host.now = boot_time;
  host.fresh_client = fresh_client;
  host.progress = [](const std::string& text) { std::cerr << text << std::endl; };
  host.interrupted = &ends_early;
  Context context;
  bench::LoadRun run(context, options, std::move(host));
  const bench::Summary report = run.run();
  if (global.json) {
    std::cout << summary_json(report).dump() << std::endl;
  } else {
    std::cout << bench::to_table(report) << std::flush;
  }
  return report.operations > 0 ? kExitYes : kExitUnavailable;
}

}  // namespace

void add_bench_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<bench::LoadOptions>();
  CLI::App* command = app.add_subcommand("bench", "Put load on the cluster and measure it");
  const auto read_load = [options](const std::string& name) {
    const auto load = bench::parse_load(name);
    if (!load) throw CLI::ValidationError("LOAD", "'" + name + "' is not cycle, check or contend");
    options->load = *load;
  };
  command->add_option_function<std::string>("LOAD", read_load,
                                            "cycle: preempt and release a lock of one's own (the default)\n"
                                            "check: ask for a lock that nobody holds, at the node's own map\n"
                                            "contend: preempt one of a few shared names; release it if granted");
  command->add_option("--clients", options->clients, "How many clients, each with its own connection and session")
      ->check(CLI::Range(std::size_t{1}, kMostClients))
      ->capture_default_str();
  add_duration_option(*command, "--duration", options->measured, "How long to measure");
  add_duration_option(*command, "--warm-up", options->warm_up, "How long to run before that");
  command->add_option("--names", options->shared_names, "How many names the clients of `contend` share")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
      ->capture_default_str();
  command->footer(
      "Each client has one operation under way and starts the next when it is answered. An operation is one\n"
      "request with its answer: a cycle is two. Clients share the servers evenly, and have fresh ids.\n"
      "Percentiles are exact. Progress goes to stderr, the result to stdout.");
  command->callback([options, &line] { line.chosen = [options, &line] { return run_bench(line.global, *options); }; });
}

}  // namespace lockstep
