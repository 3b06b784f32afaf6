// lockstep-explore: searches all that a small cluster of the production core can do, and says whether a promise broke.

#include <CLI/CLI.hpp>
#include <iomanip>
#include <iostream>

#include "tests/explore/forming_model.hpp"
#include "tests/explore/replication_model.hpp"
#include "tests/explore/search.hpp"
#include "tests/explore/takeover_model.hpp"

namespace lockstep::explore {
namespace {

enum ExitCode { kOk = 0, kUsage = 2, kLimitReached = 3, kViolated = 12 };

template <typename Model>
int explore(Model model, const Limits& limits) {
  Findings findings = Search<Model>(model, limits).run();
  const char* ending = findings.ending == Ending::kExhausted ? "exhausted"
                       : findings.ending == Ending::kLimit   ? "stopped at the limit"
                                                             : "VIOLATION";
  std::cout << ending << ": " << findings.states << " states, " << findings.transitions << " transitions, depth "
            << findings.depth << ", " << std::fixed << std::setprecision(1) << findings.took.count() << " s ("
            << model.sizes() << ")\n";
  if (findings.ending != Ending::kViolation) return kOk;
  for (const std::string& line : findings.trace) std::cout << line << "\n";
  std::cout << "broken: " << findings.violation << "\n";
  return kViolated;
}

}  // namespace
}  // namespace lockstep::explore

int main(int argc, char** argv) {
  using namespace lockstep::explore;
  Limits limits;
  ReplicationBounds replication;
  CLI::App app{"Searches all that a small cluster of the production core can do."};
  app.require_subcommand(1);
  app.fallthrough();
  std::uint64_t seconds = 600;
  app.add_option("--states", limits.states, "stop after so many")->capture_default_str();
  app.add_option("--seconds", seconds, "stop after so many")->capture_default_str();
  CLI::App* replicate = app.add_subcommand("replication", "elections, replication, crashes (R1 to R8)");
  replicate->add_option("--terms", replication.terms, "beyond the first")->check(CLI::Range(1, 6));
  replicate->add_option("--entries", replication.entries, "beyond entry 1")->check(CLI::Range(1, 8));
  replicate->add_option("--crashes", replication.crashes, "")->check(CLI::Range(0, 3));
  replicate->add_option("--damages", replication.damages, "")->check(CLI::Range(0, 3));
  replicate->add_flag("--rumours", replication.rumours, "");
  replicate->add_flag("--fetches", replication.fetches, "");
  FormingBounds forming;
  CLI::App* form = app.add_subcommand("forming", "how a cluster comes to be, with crashes and wiped disks (R17)");
  form->add_option("--crashes", forming.crashes, "")->check(CLI::Range(0, 6));
  form->add_option("--wipes", forming.wipes, "")->check(CLI::Range(0, 6));
  form->add_flag("--stale-hellos", forming.stale_hellos, "");
  TakeoverBounds takeover;
  CLI::App* take_over = app.add_subcommand("takeover", "incarnations of one client, late and repeated Opens (L1, L8)");
  take_over->add_option("--incarnations", takeover.incarnations, "of one client")->check(CLI::Range(1, 4));
  take_over->add_option("--entries", takeover.entries, "of the log")->check(CLI::Range(1, 30));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  limits.time = std::chrono::seconds(seconds);
  if (*take_over) return explore(TakeoverModel(takeover), limits);
  if (*form) return explore(FormingModel(forming), limits);
  return explore(ReplicationModel(replication), limits);
}
