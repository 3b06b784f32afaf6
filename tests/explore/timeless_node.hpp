// What the nodes of `replication`, `repair` and `install` have in common: the production Raft in abstract time, on a
// disk that completes writes one by one, in order and late.
//
// Raft and not Replica: what replication promises is Raft's alone, and a Replica adds clients, barriers and a state
// machine, which would multiply the states without adding a behaviour of the log.
//
// Time is abstract. Every timeout may pass at any moment, since elections, campaigns and steps down are events; a
// request for a vote always comes when no leader was heard for long, so R9's protection prunes nothing. A pre-vote
// is granted whenever the node asks: it changes nothing at those who are asked, and guards no promise.
// A value, like what it holds.
#pragma once

#include <array>
#include <deque>
#include <vector>

#include "tests/explore/event.hpp"
#include "tests/explore/projection.hpp"

namespace lockstep::explore {

// What others ask about a node's state.
struct Facts {
  LogShape log;
  LogShape disk_log;  // as a node that starts would find it
  LogIndex base;      // after which the log in memory begins
  std::uint8_t term = 0;
  std::uint8_t disk_term = 0;
  std::uint8_t vote = 0;  // in this term: 1 + the number of the node; 0: none
  std::uint8_t commit = 0;
  std::uint8_t writes = 0;
  bool leads = false;
  bool is_candidate = false;
  bool may_speak = false;
  bool is_fetching = false;
  bool under_repair = false;
  bool is_compacting = false;
  bool may_compact = false;
  bool is_in_turn = false;
  std::uint8_t granted = 0;                  // a candidate's voters, as bits
  std::uint16_t snapshots = 0;               // that it can give, as bits: bit i, one up to index i
  std::array<std::uint8_t, kNodes> match{};  // a leader's
  std::vector<std::uint8_t> half_writes;     // how many writes come before one that can be torn
};

// Of the nodes of a cluster.
using FactsOfAll = std::array<const Facts*, kNodes>;
std::string describe(const FactsOfAll& nodes);

// The configuration of every cluster here.
raft::Configuration configuration();

// What every disk has, and what was asked of it since.
struct LateDisk {
  raft::HardState hard_state;
  std::deque<raft::Write> writes;
};

class TimelessNode {
 public:
  // What left the node since the last call. Violation if anything left before what it says was on the disk.
  std::vector<raft::Message> take_sent();
  const raft::Raft& raft() const { return raft_; }

 protected:
  TimelessNode(const raft::Options& options, const raft::Restored& restored);
  static raft::Options options();  // in which time is abstract
  void start_again(const raft::Options& options, const raft::Restored& restored);

  // Inputs of Raft. The node is to take_output() then.
  void let_time_pass() { clock_ += kLongerThanAnyTimeout; }
  void tick() { raft_.tick(clock_); }
  void campaign(LateDisk& disk);        // a timeout, and then a quorum that would grant votes
  void propose();                       // of a leader
  void receive(raft::Message message);  // a Vote or an answer to a Fetch is to its latest question, if its number is 1
  void persisted(WriteId write) { raft_.persisted(clock_, write); }
  void hand_over_output(LateDisk& disk);  // to the disk, and to take_sent()
  bool is_fetch_sent() const;             // the outstanding Fetch has left

  Facts facts_of(const LateDisk& disk) const;  // but for logs and snapshots
  // Of every state of a node, whatever the others do.
  void check_state(const LateDisk& disk, const Facts& facts) const;
  // What no crash can bring back is only asked for by the checks: of a term and a vote whether they are those in
  // memory, and those that are not never will be, as both only rise.
  void project_hard_state(const raft::HardState& hard, Projection& out) const;
  void project_writes(const LateDisk& disk, Projection& out) const;

  Time clock_{};
  raft::Raft raft_;

 private:
  static constexpr raft::Timing kTiming{Duration(0), Duration(2), Duration(2)};
  static constexpr Duration kLongerThanAnyTimeout{3};
  void check_sent(const raft::Message& message, const raft::HardState& on_disk) const;

  CallNumber vote_call_;   // of the latest request for votes
  CallNumber fetch_call_;  // of the latest Fetch
  std::vector<raft::Message> sent_;
};

// R1: terms never fall, and a vote stays within its term.
void check_vote_stays(const raft::HardState& before, const raft::HardState& now);

}  // namespace lockstep::explore
