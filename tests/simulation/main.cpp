// lockstep-sim: runs simulated worlds, one a seed, and says which failed and how to see it again.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/simulation/failure.hpp"
#include "tests/simulation/sim_world.hpp"

namespace lockstep::simulation {
namespace {

enum ExitCode { kOk = 0, kUsage = 2, kCrash = 10, kLiveness = 11, kSafety = 12, kNotCovered = 13 };

// So many seeds meet everything there is to meet, whichever they are.
constexpr std::uint64_t kSeedsForCoverage = 500;

struct Options {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::uint64_t events = WorldOptions().events;
  std::optional<std::size_t> nodes;
  std::size_t jobs = 1;
  bool trace = false;
  bool keep_going = false;
};

std::string replay_command(const Options& options, std::uint64_t seed) {
  std::string command = "build/bin/lockstep-sim --seed " + std::to_string(seed);
  if (options.nodes) command += " --nodes " + std::to_string(*options.nodes);
  if (options.events != WorldOptions().events) command += " --events " + std::to_string(options.events);
  return command + " --trace";
}

// What an aborting thread was running: the handler may only copy bytes.
thread_local char crash_message[256];

void note_current_seed(const Options& options, std::uint64_t seed) {
  const std::string text =
      "CRASH in seed " + std::to_string(seed) + "; replay: " + replay_command(options, seed) + "\n";
  std::strncpy(crash_message, text.c_str(), sizeof crash_message - 1);
}

void on_crash(int) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, crash_message, std::strlen(crash_message));
  _exit(kCrash);
}

// What all threads report to.
struct Report {
  std::mutex mutex;
  Coverage coverage;
  std::uint64_t events = 0;
  std::uint64_t failed = 0;
  int exit_code = kOk;
  std::atomic<bool> stop = false;
};

void run_seed(const Options& options, std::uint64_t seed, Report& report) {
  note_current_seed(options, seed);
  SimWorld world({seed, options.nodes, options.events, options.trace});
  std::optional<Failure> failure;
  try {
    world.run();
  } catch (const Failure& thrown) {
    failure = thrown;
  }
  const std::lock_guard lock(report.mutex);
  report.events += world.events();
  report.coverage.add(world.coverage());
  if (!failure) return;
  ++report.failed;
  const bool is_safety = failure->kind() == FailureKind::kSafety;
  report.exit_code = is_safety ? kSafety : std::max<int>(report.exit_code, kLiveness);
  std::cerr << (is_safety ? "SAFETY" : "LIVENESS") << " broken in seed " << seed << ": " << failure->what()
            << "\n  replay: " << replay_command(options, seed) << "\n";
  if (!options.keep_going) report.stop = true;
}

void run_all(const Options& options, Report& report) {
  std::atomic<std::uint64_t> next = 0;
  const auto work = [&] {
    while (!report.stop) {
      const std::uint64_t mine = next++;
      if (mine >= options.seeds) return;
      run_seed(options, options.seed + mine, report);
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < options.jobs; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
}

void print_coverage(const Coverage& coverage) {
  for (std::size_t i = 0; i < Coverage::kKinds; ++i) {
    std::cout << "  " << coverage.count(static_cast<Met>(i)) << " " << to_string(static_cast<Met>(i)) << "\n";
  }
}

bool is_covered(const Coverage& coverage) {
  bool covered = true;
  for (std::size_t i = 0; i < Coverage::kKinds; ++i) {
    if (coverage.count(static_cast<Met>(i)) != 0) continue;
    std::cerr << "NOT COVERED: no seed met: " << to_string(static_cast<Met>(i)) << "\n";
    covered = false;
  }
  return covered;
}

int run(const Options& options) {
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE}) std::signal(signal, on_crash);
  Report report;
  const auto start = std::chrono::steady_clock::now();
  run_all(options, report);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  print_coverage(report.coverage);
  std::cout << options.seeds << " seeds, " << report.failed << " failed, " << report.events << " events in "
            << took.count() << " s: " << static_cast<std::uint64_t>(static_cast<double>(report.events) / took.count())
            << " events/s\n";
  const bool whole = options.seeds >= kSeedsForCoverage && !options.nodes && report.exit_code == kOk;
  if (whole && !is_covered(report.coverage)) return kNotCovered;
  return report.exit_code;
}

}  // namespace
}  // namespace lockstep::simulation

int main(int argc, char** argv) {
  using namespace lockstep::simulation;
  Options options;
  options.jobs = std::max(1U, std::thread::hardware_concurrency());
  CLI::App app{"Simulates clusters with faults, one world a seed, and checks them after every step."};
  app.footer("Exit status: 0 all held, 10 the core aborted, 11 liveness broken, 12 safety broken, 13 not covered.");
  app.add_option("--seed", options.seed, "the first seed")->capture_default_str();
  app.add_option("--seeds", options.seeds, "how many seeds, from the first on")->capture_default_str();
  app.add_option("--nodes", options.nodes, "the size of every cluster; else each seed draws its own")
      ->check(CLI::Range(1, 7));
  app.add_option("--events", options.events, "with faults, in each world")->capture_default_str();
  app.add_option("--jobs", options.jobs, "worlds at once")->capture_default_str()->check(CLI::Range(1, 256));
  app.add_flag("--trace", options.trace, "print what happens; one world at a time");
  app.add_flag("--keep-going", options.keep_going, "run the other seeds after a failure");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kOk : kUsage;
  }
  if (options.trace) {
    options.jobs = 1;
    std::cout << std::unitbuf;  // the last lines before a crash matter most
  }
  return run(options);
}
