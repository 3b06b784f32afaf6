// Goal: whatever bit flips on one node's disk, it is harmless, repaired or refused with a message, by that node alone,
// and no answer that the cluster gave is ever lost.
// Method: run the workload and stop. For every field and every record of every file of every node flip a bit, and
// start the cluster three times: all of it, after a crash; and, after a clean end and after a crash, only the damaged
// node and one that missed the last requests, which must not go on without what the third one knows. Then everyone is
// there, and everything is compared with the reference. What cannot be told from a torn tail is left out of the last
// one: rot in the last batch after a crash (docs/storage-format.md).
//
//   corruption                every field: some minutes
//   corruption --every 23     every 23rd
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>

#include "tests/crash/folder_fields.hpp"
#include "tests/crash/workload.hpp"
#include "tests/simulation/failure.hpp"

namespace lockstep::crash {
namespace {

constexpr std::size_t kMissed = 6;  // requests
constexpr std::size_t kAfter = 6;

enum class Outcome { kHarmless, kRepaired, kRefused, kFailed };
constexpr const char* kOutcomeNames[] = {"harmless", "repaired", "refused", "failed"};

// What a cluster is started on again, and how.
struct Start {
  std::string name;
  World::Remains remains;
  std::optional<Place> comes_late;  // until then the others are alone
  bool last_batch_counts = true;
};

World::Remains live_through_workload(std::optional<Place> misses_the_end, bool cleanly) {
  World world;
  run_workload(world, [](std::size_t) { return true; });
  world.settle();
  if (misses_the_end) {
    world.isolate(*misses_the_end);
    for (std::size_t i = 0; i < kMissed; ++i) world.request(i % 3, operation(kRequests + i));
  }
  return world.stop(cleanly);
}

class Corruption {
 public:
  explicit Corruption(std::uint64_t every) : every_(every) {}

  int run() {
    for (Place place = 0; place < World::kNodes; ++place) {
      const Place missed_the_end = (place + 1) % World::kNodes;
      const Place knows_all = (place + 2) % World::kNodes;
      each_field({"", live_through_workload(std::nullopt, false), std::nullopt}, place);
      // After a clean end `meta` knows of the last batch, too.
      each_field({", beside a late node", live_through_workload(missed_the_end, true), knows_all}, place);
      each_field({", beside a late node after a crash", live_through_workload(missed_the_end, false), knows_all, false},
                 place);
    }
    std::cout << flips_ << " fields damaged, " << failures_ << " failures\n";
    for (const auto& [outcome, count] : outcomes_) std::cout << "  " << count << " x " << outcome << "\n";
    return failures_ == 0 && flips_ > 0 ? 0 : 1;
  }

 private:
  void each_field(const Start& start, Place place) {
    for (const Field& field : fields_of(start.remains.disks[place])) {
      if (field.in_last_batch && !start.last_batch_counts) continue;
      if (seen_++ % every_ != 0) continue;
      ++flips_;
      const Outcome outcome = try_in_a_process(start, place, field);
      if (outcome == Outcome::kFailed) {
        ++failures_;
        std::cout << "FAILED: node " << name_of(place) << ", " << field.file << ", " << field.what << start.name
                  << std::endl;
      }
      ++outcomes_[std::string(kOutcomeNames[static_cast<std::size_t>(outcome)]) + ": " + kind_of(field.file)];
    }
  }

  // A node that aborts ends this one try.
  static Outcome try_in_a_process(const Start& start, Place place, const Field& field) {
    std::cout.flush();
    const pid_t child = ::fork();
    if (child == 0) {
      Outcome outcome = Outcome::kFailed;
      try {
        outcome = try_one(start, place, field);
      } catch (const simulation::Failure& failure) {
        std::cout << failure.what() << std::endl;
      }
      ::_exit(static_cast<int>(outcome));
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return Outcome::kFailed;
    return static_cast<Outcome>(std::min(WEXITSTATUS(status), static_cast<int>(Outcome::kFailed)));
  }

  static Outcome try_one(const Start& start, Place place, const Field& field) {
    World::Remains remains = start.remains;
    for (const std::uint64_t byte : field.bytes) remains.disks[place].flip_bit(field.file, 8 * byte + byte % 8);
    World world(std::move(remains));
    world.let_refuse(place);
    if (start.comes_late) {
      world.keep_down(*start.comes_late);
      world.run(std::chrono::seconds(5));
      world.let_start(*start.comes_late);
    }
    world.settle();
    for (std::size_t i = 0; i < kAfter; ++i) world.request(i % 3, operation(2 * kRequests + i));
    world.settle();
    world.repeat_last_requests();
    if (world.refusal(place)) return Outcome::kRefused;
    const bool repaired = std::any_of(world.notices(place).begin(), world.notices(place).end(),
                                      [](const Notice& notice) { return notice.level != Notice::Level::kInfo; });
    return repaired ? Outcome::kRepaired : Outcome::kHarmless;
  }

  static std::string kind_of(const std::string& file) { return file.substr(0, file.find('-')); }

  std::uint64_t every_;
  std::uint64_t seen_ = 0;
  std::uint64_t flips_ = 0;
  std::uint64_t failures_ = 0;
  std::map<std::string, std::uint64_t> outcomes_;  // what came of it, and in which kind of file
};

}  // namespace
}  // namespace lockstep::crash

int main(int argc, char** argv) {
  std::uint64_t every = 1;
  CLI::App app("Flipped bits on a cluster's disks, enumerated.");
  app.add_option("--every", every, "only every N-th field")->check(CLI::PositiveNumber);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    return lockstep::crash::Corruption(every).run();
  } catch (const lockstep::simulation::Failure& failure) {
    std::cout << failure.what() << std::endl;
    return 1;
  }
}
