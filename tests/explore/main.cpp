// lockstep-explore: searches all that a small cluster of the production core can do, and says whether a promise broke.

#include <CLI/CLI.hpp>
#include <iomanip>
#include <iostream>

#include "tests/explore/forming_model.hpp"
#include "tests/explore/install_model.hpp"
#include "tests/explore/leases_model.hpp"
#include "tests/explore/replication_model.hpp"
#include "tests/explore/search.hpp"
#include "tests/explore/takeover_model.hpp"
#include "tests/explore/waiting_model.hpp"

namespace lockstep::explore {
namespace {

enum ExitCode { kOk = 0, kUsage = 2, kViolated = 12, kStopped = 13 };

template <typename Model>
int report(const Findings& findings, const Model& model) {
  const char* ending = findings.ending == Ending::kExhausted ? "exhausted"
                       : findings.ending == Ending::kLimit   ? "stopped at its limit"
                                                             : "VIOLATION";
  std::cout << ending << ": " << findings.states << " states, " << findings.transitions << " transitions, depth "
            << findings.depth << ", " << std::fixed << std::setprecision(1) << findings.took.count() << " s ("
            << model.sizes() << ")\n";
  if (findings.ending == Ending::kExhausted) return kOk;
  if (findings.ending == Ending::kLimit) return kStopped;
  for (const std::string& line : findings.trace) std::cout << line << "\n";
  std::cout << "broken: " << findings.violation << "\n";
  return kViolated;
}

template <typename Model>
int explore(Model model, const Limits& limits) {
  const Findings findings = Search<Model>(model, limits).run();
  return report(findings, model);
}

// With the reduction and without: it must visit one state of each class of those that there are, and no other.
template <typename Model, typename Bounds>
int explore_both_ways(Bounds bounds, const Limits& limits) {
  bounds.reduced = true;
  Model reduced(bounds);
  Search<Model> search(reduced, limits);
  const int ending = report(search.run(), reduced);
  bounds.reduced = false;
  Model full(bounds);
  Search<Model> search_of_full(full, limits);
  const int ending_of_full = report(search_of_full.run(), full);
  if (ending == kStopped || ending_of_full == kStopped) return kStopped;
  const Classes& classes = full.classes();
  const bool same = ending == ending_of_full &&
                    (ending == kViolated || (search.seen() == classes.seen() && classes.misplaced() == 0));
  if (same && ending == kViolated) return kViolated;
  std::cout << (same ? "exhausted both ways: the same " : "VIOLATION: the reduction is wrong: not the same ")
            << classes.seen().size() << " classes, " << classes.misplaced() << " states misplaced\n";
  return same ? kOk : kViolated;
}

template <typename Model, typename Bounds>
int explore_as_asked(const Bounds& bounds, const Limits& limits) {
  return bounds.reduced ? explore(Model(bounds), limits) : explore_both_ways<Model>(bounds, limits);
}

void add_every_state(CLI::App& model, bool& reduced) {
  model.add_flag("!--every-state", reduced, "visit states with the same future one by one, and compare");
}

CLI::App* add_replication(CLI::App& app, const char* name, const char* what, ReplicationBounds& bounds) {
  CLI::App* model = app.add_subcommand(name, what);
  const auto bound = [&](const char* option, std::uint64_t& value, std::uint64_t least, std::uint64_t most,
                         const char* meaning) {
    model->add_option(option, value, meaning)->check(CLI::Range(least, most))->capture_default_str();
  };
  bound("--terms", bounds.terms, 1, kMaxTerm - 1, "beyond the first");
  bound("--entries", bounds.entries, 1, 8, "of a log beyond entry 1, no-ops too");
  bound("--crashes", bounds.crashes, 0, 3, "that lose what was not synced");
  bound("--damages", bounds.damages, 0, 3, "of disks, found at a restart");
  model->add_flag("--rumours", bounds.rumours, "messages of which only the term or the leader counts, and R10");
  model->add_flag("--fetches", bounds.fetches, "tell apart nodes that wait for the answer to a Fetch");
  add_every_state(*model, bounds.reduced);
  model->add_flag("--figure-8", bounds.figure_8, "begin in term 3, with a minority's entry on each of two nodes");
  return model;
}

CLI::App* add_waiting(CLI::App& app, WaitingBounds& bounds) {
  CLI::App* model =
      app.add_subcommand("waiting", "clients that wait for each other's locks (exactly once, L1, L3, L8)");
  const auto bound = [&](const char* option, std::uint64_t& value, std::uint64_t least, std::uint64_t most,
                         const char* meaning) {
    model->add_option(option, value, meaning)->check(CLI::Range(least, most))->capture_default_str();
  };
  bound("--clients", bounds.clients, 1, kMostClients, "of one node");
  bound("--calls", bounds.calls, 0, 9, "of all clients together");
  bound("--forces", bounds.forces, 0, 9, "of the calls that may be an operator's");
  bound("--patience", bounds.patience, 0, 9, "how often a client loses it, or sleeps for long");
  bound("--repeats", bounds.repeats, 0, 9, "of messages");
  bound("--restarts", bounds.restarts, 0, 9, "of clients: another process goes on");
  bound("--expiries", bounds.expiries, 0, 9, "of leases, or of the waits of sessions without one");
  bound("--times", bounds.times, 0, 9, "how often the node answers all that it held back");
  bound("--renewals", bounds.renewals, 0, 9, "of a client that are not lost");
  bound("--turn", bounds.turn, 1, 4, "events of one turn of the node");
  model->add_flag("--two-names", bounds.two_names, "a client may ask for both of two names at once");
  model->add_flag("--preempts", bounds.preempts, "a client may preempt, too");
  model->add_flag("--leases", bounds.leases, "sessions have a lease, and are taken over");
  model->add_flag("--holding", bounds.holding, "begin with the first client holding what there is");
  model->add_flag("--small-pages", bounds.small_pages, "of what a client reads that takes over: one lock each");
  return model;
}

}  // namespace
}  // namespace lockstep::explore

int main(int argc, char** argv) {
  using namespace lockstep::explore;
  Limits limits;
  std::uint64_t seconds = 600;
  ReplicationBounds replication;
  ReplicationBounds repair;
  repair.crashes = 0;
  repair.damages = 1;
  FormingBounds forming;
  TakeoverBounds takeover;
  LeasesBounds leases;
  InstallBounds install;
  WaitingBounds waiting;

  CLI::App app{"Searches all that a small cluster of the production core can do, breadth first."};
  app.footer(
      "Exit status: 0 exhausted and nothing broke, 2 usage, 12 a property broke; the shortest trace is printed,\n"
      "13 stopped at its limit before all was visited; nothing broke so far.");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--states", limits.states, "stop after so many")->capture_default_str();
  app.add_option("--seconds", seconds, "stop after so many")->capture_default_str();
  CLI::App* replicate = add_replication(app, "replication", "elections, replication, crashes (R1 to R8)", replication);
  add_replication(app, "repair", "the same with a disk whose acknowledged data was damaged (S2)", repair);
  CLI::App* form = app.add_subcommand("forming", "how a cluster comes to be, with crashes and wiped disks (R17)");
  form->add_option("--crashes", forming.crashes)->check(CLI::Range(0, 6))->capture_default_str();
  form->add_option("--wipes", forming.wipes, "more would be most of the disks")
      ->check(CLI::Range(0, 1))
      ->capture_default_str();
  form->add_flag("--stale-hellos", forming.stale_hellos, "a Hello arrives when its sender has long stopped saying it");
  CLI::App* take_over = app.add_subcommand("takeover", "one client's incarnations, late and repeated Opens (L1, L8)");
  take_over->add_option("--incarnations", takeover.incarnations)->check(CLI::Range(1, 4))->capture_default_str();
  take_over->add_option("--entries", takeover.entries, "of the log")->check(CLI::Range(1, 30))->capture_default_str();
  CLI::App* lease = app.add_subcommand("leases", "one session's lease across leaders and clocks (L2 to L6)");
  lease->add_option("--renewals", leases.renewals)->check(CLI::Range(1, 3))->capture_default_str();
  lease->add_option("--failovers", leases.failovers, "campaigns")->check(CLI::Range(0, 4))->capture_default_str();
  lease->add_option("--steps", leases.steps, "of time")->check(CLI::Range(1, 30))->capture_default_str();
  lease->add_option("--ttl", leases.ttl, "in a leader's ticks")->check(CLI::Range(2, 20))->capture_default_str();
  lease->add_option("--rounds", leases.rounds, "of one leader")->check(CLI::Range(1, 8))->capture_default_str();
  lease->add_option("--copies", leases.copies, "of one renewal")->check(CLI::Range(1, 3))->capture_default_str();
  lease->add_option("--unread-ticks", leases.unread_ticks, "at which a leader has messages to read")
      ->check(CLI::Range(0, 9))
      ->capture_default_str();
  lease->add_flag("--slow-clocks", leases.slow_clocks, "a node's clock may go as slowly as the client's");
  CLI::App* installing = app.add_subcommand("install", "a follower that needs its leader's snapshot (S3, S6)");
  installing->add_option("--entries", install.entries, "of a log")->check(CLI::Range(5, 9))->capture_default_str();
  installing->add_option("--elections", install.elections)->check(CLI::Range(0, 3))->capture_default_str();
  installing->add_option("--crashes", install.crashes)->check(CLI::Range(0, 3))->capture_default_str();
  installing->add_option("--compactions", install.compactions)->check(CLI::Range(0, 4))->capture_default_str();
  installing->add_option("--turn", install.turn, "events of one turn of a node")
      ->check(CLI::Range(1, 3))
      ->capture_default_str();
  add_every_state(*installing, install.reduced);
  CLI::App* wait = add_waiting(app, waiting);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  limits.time = std::chrono::seconds(seconds);
  if (*form) return explore(FormingModel(forming), limits);
  if (*installing) return explore_as_asked<InstallModel>(install, limits);
  if (*lease) return explore(LeasesModel(leases), limits);
  if (*take_over) return explore(TakeoverModel(takeover), limits);
  if (*wait) return explore(WaitingModel(waiting), limits);
  return explore_as_asked<ReplicationModel>(*replicate ? replication : repair, limits);
}
