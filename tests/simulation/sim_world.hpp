// One seed's world: nodes, clients, network, disks and clocks, and the faults that happen to them.
//
// First everything that the seed's plan allows goes wrong for a while. Then all is healed, and the
// cluster has to become useful again in bounded time. After every step the checkers look at everything.
// The same seed and options give the same history, event by event.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/client_checker.hpp"
#include "tests/simulation/coverage.hpp"
#include "tests/simulation/fault_plan.hpp"
#include "tests/simulation/node_checker.hpp"
#include "tests/simulation/scheduler.hpp"
#include "tests/simulation/sim_clients.hpp"
#include "tests/simulation/sim_network.hpp"
#include "tests/simulation/sim_node.hpp"

namespace lockstep::simulation {

struct WorldOptions {
  std::uint64_t seed = 0;
  std::optional<std::size_t> nodes;
  std::uint64_t events = 20'000;  // with faults; then it heals
  bool trace = false;
};

class SimWorld {
 public:
  explicit SimWorld(const WorldOptions& options);
  // Actions hold its address.
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // Throws Failure.
  void run();

  const Coverage& coverage() const { return coverage_; }
  std::uint64_t events() const { return events_; }

 private:
  // sim_world.cpp: one event after another
  void run_one();
  bool somebody_stands_still() const;
  bool is_time_for_pauses() const { return events_ < options_.events; }
  void heal();
  Duration patience() const;
  bool is_settled() const;
  std::string what_is_missing() const;
  void final_checks() const;

  Now clock_of(const SimNode& node) const;
  void start(SimNode& node);
  void step(SimNode& node, const Event& event);
  void check(const SimNode& node);
  void flush(SimNode& node);
  void plan_flush(SimNode& node);
  void note_tick(SimNode& node);
  void plan_tick(SimNode& node);
  void when_awake(Place place, std::uint64_t incarnation, std::function<void(SimNode&)> action);

  void carry_out(SimNode& node, Output output);
  void cut_short(Output& output);
  void note_boundaries(const Output& output);
  bool is_awake(const SimNode& node) const { return node.is_up() && node.paused_until <= scheduler_.now(); }
  void submit(SimNode& node, raft::Write write);
  void complete_oldest(SimNode& node, std::uint64_t incarnation);
  void compact(SimNode& node, const Compaction& wanted);
  void die_of_disk(SimNode& node);
  void read_snapshot(SimNode& node, const raft::SnapshotRead& read);
  void send(SimNode& node, const raft::Outgoing& outgoing);
  void deliver(Time when, std::function<void()> arrive);
  void send_to_node(const SimNode& from, Place to, const raft::Message& message, SimNetwork::Path path);
  bool is_log_full(const SimNode& node) const;
  void reply(SimNode& node, const ClientReply& reply);
  void request(Place from, ConnectionId connection, const ClientSend& send);
  void stop_for_good(SimNode& node, const std::string& why);

  // sim_calm.cpp: what must be when nothing goes wrong
  void become_calm();
  void live_in_calm();
  void rest();
  void run_until(Time deadline, const std::function<std::string()>& what_is_missing);
  std::string what_is_left() const;
  void check_messages_at_rest(Place place) const;
  void note_message_in_calm(const SimNode& node, const raft::Message& message);
  void check_reply_in_calm(const SimNode& node, const ClientReply& reply) const;

  // sim_faults.cpp: what goes wrong
  void plan_faults();
  void plan_recurring(const Recurring& fault, std::function<void()> happen);
  void partition();
  void cut_path(SimNetwork::Path path, Duration up_to);
  void set_wall_clock();
  void note_election(SimNode& node);
  void stall_disk();
  void fill_disk();
  void pause();
  void crash_some();
  void crash(SimNode& node);
  void restart(Place place, std::uint64_t incarnation);
  void lose_data(SimNode& node);
  void recover(SimNode& node);
  void wipe(SimNode& node);
  void let_refused_start_if_nothing_is_left();
  std::size_t lost_disks() const;
  bool others_have_entry_1(const SimNode& node) const;
  void crash_for_a_while(SimNode& node);
  SimNode& victim();

  void trace(const std::string& who, const std::string& what) const;

  WorldOptions options_;
  Random random_;
  FaultPlan plan_;
  Coverage coverage_;
  Scheduler scheduler_;
  SimNetwork network_;
  std::deque<SimNode> nodes_;
  NodeChecker node_checker_;
  ClientChecker client_checker_;
  SimClients clients_;
  LogIndex clients_told_;  // of every commit up to here
  std::uint64_t events_ = 0;
  bool healed_ = false;
  enum class Phase { kFaults, kCalm, kRest };
  Phase phase_ = Phase::kFaults;
  Time healed_at_{};
  Time sent_before_arrives_{};  // all that was sent before all was healed
  Time calm_since_{};
  std::vector<std::map<std::size_t, std::size_t>> messages_at_rest_;  // of each node, by kind
};

}  // namespace lockstep::simulation
