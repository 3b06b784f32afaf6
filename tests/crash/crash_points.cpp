// Goal: whichever operation of whichever node's disk the power fails at, nothing that was answered is lost, run twice
// or answered otherwise, and the node comes back by itself.
// Method: run the workload once. At every operation of every disk branch off (fork) a world in which the power fails
// there, once for each of ten outcomes: nothing of it and of all that was not synced survives; all of it does; or one
// of eight patterns of it does. No two outcomes are the same; of fewer than four sectors and names there are fewer.
// That world goes on for some requests, then the power fails everywhere, and once more everything is compared with the
// reference.
//
//   crash_points                every operation: some minutes
//   crash_points --every 13     every 13th
//   crash_points --node 1 --operation 250 --outcome 3     that one alone, in this process
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <vector>

#include "tests/crash/workload.hpp"
#include "tests/simulation/failure.hpp"

namespace lockstep::crash {
namespace {

constexpr unsigned kOutcomes = 10;
constexpr std::size_t kRequestsAfter = 12;
constexpr std::size_t kDone = 100'000;

bool pattern(unsigned outcome, std::uint64_t attempt, std::size_t i) {
  switch (outcome) {
    case 0: return false;
    case 1: return true;
    case 2: return i % 2 == 0;
    case 3: return i % 2 == 1;
    case 4: return i == 0;
    case 5: return i != 0;
    case 6: return i < 3;
    case 7: return i >= 3;
    default: return Random(1024 * attempt + 16 * i + outcome).one_in(2);
  }
}

using Kept = std::vector<bool>;  // of each unsynced item, whether it survives

// No two are the same: all that there are of few items, else ten.
std::vector<Kept> outcomes_for(std::size_t items) {
  const std::size_t wanted = items < 4 ? std::size_t{1} << items : kOutcomes;
  std::vector<Kept> outcomes;
  for (std::uint64_t attempt = 0; outcomes.size() < wanted; ++attempt) {
    for (unsigned outcome = 0; outcome < kOutcomes && outcomes.size() < wanted; ++outcome) {
      Kept kept(items);
      for (std::size_t i = 0; i < items; ++i) kept[i] = pattern(outcome, attempt, i);
      if (std::find(outcomes.begin(), outcomes.end(), kept) == outcomes.end()) outcomes.push_back(std::move(kept));
    }
  }
  return outcomes;
}

std::string outcome_name(unsigned outcome) {
  return outcome == 0 ? "before" : outcome == 1 ? "after" : "torn " + std::to_string(outcome - 1);
}

// A sync is torn if it does part of what is asked, which is what a failure before it can leave; anything else is torn
// if it was done and only part of what is unsynced survives.
Power power_for(const DiskOperation& operation, unsigned outcome) {
  const bool is_sync =
      operation.kind == MemoryDisk::Operation::kSync || operation.kind == MemoryDisk::Operation::kSyncFolder;
  return outcome == 0 || (is_sync && outcome >= 2) ? Power::kFailsBefore : Power::kFailsAfter;
}

struct Options {
  std::uint64_t every = 1;
  std::optional<Place> node;
  std::optional<std::uint64_t> operation;
  std::optional<unsigned> outcome;
};

class CrashPoints {
 public:
  explicit CrashPoints(const Options& options) : options_(options) {}

  int run() {
    for (Place place = 0; place < World::kNodes; ++place) {
      world_.disk(place).decide = [this, place](const DiskOperation& operation) { return decide(place, operation); };
    }
    run_workload(world_, [this](std::size_t request) {
      request_ = request;
      return request < last_request_;
    });
    finish();
    if (has_failed_power_) return 0;
    if (world_.overtaken_compactions() == 0) {
      ++failures_;
      std::cout << "FAILED: no snapshot was installed while a compaction was under way\n";
    }
    std::cout << points_ << " crash points, " << outcomes_ << " outcomes, " << failures_ << " failures\n";
    for (const auto& [what, count] : points_by_kind_) std::cout << "  " << count << " x " << what << "\n";
    return failures_ == 0 && points_ > 0 ? 0 : 1;
  }

 private:
  static std::string kind_of(const DiskOperation& operation) {
    static const char* const kNames[] = {"create", "write", "preallocate", "sync", "rename", "remove", "sync folder"};
    const std::string file = operation.file.substr(0, operation.file.find_first_of("-."));
    return std::string(kNames[static_cast<std::size_t>(operation.kind)]) + (file.empty() ? "" : " " + file);
  }

  Power decide(Place place, const DiskOperation& operation) {
    if (has_failed_power_) return Power::kStays;
    const std::uint64_t number = operations_[place]++;
    if (options_.node && options_.node != place) return Power::kStays;
    if (options_.operation ? options_.operation != number : (number + place) % options_.every != 0) {
      return Power::kStays;
    }
    ++points_;
    ++points_by_kind_[kind_of(operation)];
    const std::size_t items = world_.disk(place).memory.unsynced() + operation.items;
    const std::vector<Kept> outcomes = outcomes_for(items);
    for (unsigned outcome = 0; outcome < outcomes.size(); ++outcome) {
      if (options_.outcome && options_.outcome != outcome) continue;
      ++outcomes_;
      if (options_.outcome || becomes_this_world(place, number, outcome, operation)) {
        has_failed_power_ = true;
        last_request_ = request_ + kRequestsAfter;
        const Power power = power_for(operation, outcome);
        const bool adds = power == Power::kFailsAfter && operation.items != 0;
        const MemoryDisk& memory = world_.disk(place).memory;
        world_.at_power_failure(place, [kept = outcomes[outcome], adds, &memory](std::size_t i) {
          REQUIRE_SAFE(i != 0 || !adds || memory.unsynced() == kept.size(), "what is unsynced was counted before");
          return kept[i];
        });
        return power;
      }
    }
    return Power::kStays;
  }

  // True in the branch. In this process: after the branch has ended.
  bool becomes_this_world(Place place, std::uint64_t number, unsigned outcome, const DiskOperation& operation) {
    std::cout.flush();
    const pid_t child = ::fork();
    if (child == 0) return true;
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) {
      ++failures_;
      std::cout << "FAILED: " << kind_of(operation) << ", " << outcome_name(outcome) << ": --node " << place
                << " --operation " << number << " --outcome " << outcome << std::endl;
    }
    return false;
  }

  // Heals, lets a compaction end that was held, and then the power fails everywhere at once. No node may refuse to
  // start: a crash is never taken for damage that it cannot live with.
  void finish() {
    world_.heal();
    world_.let_compactions_go();
    world_.settle();
    world_.repeat_last_requests();
    for (Place place = 0; place < World::kNodes; ++place) world_.end_process(place, false);
    world_.settle();
    world_.repeat_last_requests();
  }

  Options options_;
  World world_;
  std::size_t request_ = 0;
  std::size_t last_request_ = kDone;
  bool has_failed_power_ = false;  // this is a branch
  std::map<Place, std::uint64_t> operations_;
  std::uint64_t points_ = 0;
  std::uint64_t outcomes_ = 0;
  std::uint64_t failures_ = 0;
  std::map<std::string, std::uint64_t> points_by_kind_;
};

}  // namespace
}  // namespace lockstep::crash

int main(int argc, char** argv) {
  lockstep::crash::Options options;
  CLI::App app("Crash points of a cluster's disks, enumerated.");
  app.add_option("--every", options.every, "only every N-th operation of each disk")->check(CLI::PositiveNumber);
  CLI::Option* node = app.add_option("--node", options.node, "only this node's: 0, 1 or 2");
  CLI::Option* operation = app.add_option("--operation", options.operation, "only this one, in this process");
  CLI::Option* outcome = app.add_option("--outcome", options.outcome, "only this outcome, 0 to 9");
  operation->needs(node)->needs(outcome);
  outcome->needs(operation);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    return lockstep::crash::CrashPoints(options).run();
  } catch (const lockstep::simulation::Failure& failure) {
    std::cout << failure.what() << std::endl;
    return 1;
  }
}
