// What clients asked of this node, from the moment at which a request comes in until its answer leaves.
//
// Five tables hold what cannot be answered at once: commands that a leader must commit, reads, renewals, Waits and
// Watches. Each takes a request, gives it back when it can be answered, and times it out; the desk is where they meet.
// It decides nothing about the log: it is told what was applied, who leads and what a barrier's answer said, and is
// asked which commands and renewals are to go to the leader.
//
// Invariant: every copy of a request is answered exactly once, or its table holds it. Nothing is held beyond its
// deadline.
// A value: copyable, deterministic, not thread-safe. Replies are collected until take_replies().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/types.hpp"
#include "protocol/locks/state_machine.hpp"
#include "protocol/raft/messages.hpp"
#include "protocol/replica/asker.hpp"
#include "protocol/replica/desk_bounds.hpp"
#include "protocol/replica/fold.hpp"
#include "protocol/replica/keep_alives.hpp"
#include "protocol/replica/pending_requests.hpp"
#include "protocol/replica/reads.hpp"
#include "protocol/replica/waits.hpp"
#include "protocol/replica/watches.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep {

struct ClientReply {
  ConnectionId connection;
  wire::Response response;
};

struct DeskOptions {
  Duration request_lifetime{};  // then `unavailable`, or `no_leader`
  DeskBounds bounds;
  Duration barrier_interval{};  // how old `age` may get on a healthy node
  Duration barrier_patience{};  // how long to wait for the answer to a barrier before another is sent
};

// What answers are made from: the state after entry `applied`.
struct AppliedState {
  const locks::StateMachine& machine;
  LogIndex applied;
};

class RequestDesk {
 public:
  explicit RequestDesk(const DeskOptions& options);

  // A request of any kind but Status, which is about the node and not about its state. It is answered at once only if
  // it breaks a rule or there is no room for it; else by answer_ready() or time_out() or after an entry was applied.
  void take(Now now, const AppliedState& state, Asker asker, const wire::RequestBody& body);
  void reply(const AppliedState& state, Asker asker, wire::ResponseBody body);
  void reply_error(const AppliedState& state, Asker asker, ErrorCode code, std::string detail = {});

  // ---- What happened.
  // The entry at `state.applied` was applied. Its request, and whoever waited for what it did, is answered from the
  // state after it: the next entry may change things again.
  void applied(const AppliedState& state, const AppliedEntry& entry, const std::vector<locks::SettledWaiter>& settled,
               std::vector<locks::LockChange> changes);
  // The state was replaced by a snapshot's: nobody here was told what the entries in between did.
  void state_replaced(Now now, const AppliedState& state);
  // Another leader, or none, or another term of the same one. What was sent to the former one may be lost.
  void leader_changed(const AppliedState& state, bool is_known);
  void barrier_answered(const raft::BarrierAnswer& answer);

  // ---- What is to go to the leader.
  bool has_due_commands() const { return pending_.has_due(); }
  // As many as one Forward takes.
  std::vector<PendingRequests::Due> take_due_commands(Time now) {
    return pending_.take_due(now, options_.bounds.forwarded_bytes);
  }
  // What was handed on at or before `then` and is unanswered is due again; see PendingRequests.
  void hand_on_again_since(Time then, bool leads) { pending_.hand_on_again_since(then, leads); }
  // This node leads, and its log has no room for the command now.
  void no_room_for(const AppliedState& state, const PendingRequests::Due& command);
  bool barrier_is_due(Time now) const { return reads_.barrier_is_due(now) || keep_alives_.barrier_is_due(now); }
  std::vector<SessionId> renewals() const { return keep_alives_.renewals(); }
  void barrier_sent(Time now, CallNumber number);

  // ---- What goes back to clients.
  // Answers whatever can be answered from this state.
  void answer_ready(Now now, const AppliedState& state);
  // Answers what may not wait any longer.
  void time_out(Now now, const AppliedState& state);
  std::vector<ClientReply> take_replies();

  // When time_out() next has something.
  Time next_deadline() const;
  // When a barrier is next due.
  Time next_barrier() const { return std::min(reads_.next_barrier(), keep_alives_.next_barrier()); }
  // Since when the oldest command that was handed on waits for its entry.
  std::optional<Time> oldest_handed_on() const { return pending_.oldest_handed_on(); }
  std::optional<Duration> age(Time now) const { return reads_.age(now); }
  std::size_t size() const;
  // The tables in which anything is left, for a person: empty if nobody waits for anything here.
  std::vector<std::string_view> what_is_left() const;
  // Walks over everything: for tests.
  void check_invariants() const;

 private:
  friend struct Inside;  // of the explorer
  void take(Now now, const AppliedState& state, Asker asker, const wire::OpenSession& open);
  void take(Now now, const AppliedState& state, Asker asker, const wire::KeepAlive& keep_alive);
  void take(Now now, const AppliedState& state, Asker asker, const wire::Wait& wait);
  void take(Now now, const AppliedState& state, Asker asker, const wire::WatchRequest& watch);
  void take_command(Now now, const AppliedState& state, Asker asker, const locks::Command& command);
  void take_read(Now now, Asker asker, wire::ReadRequest read);
  bool is_full_of_polls() const { return waits_.size() + watches_.size() >= options_.bounds.max_polls; }
  void answer_renewal(const AppliedState& state, const KeepAlives::Answered& renewal);
  void answer_or_hold(Now now, const AppliedState& state, WaitPoll wait);
  void answer_or_hold(Now now, const AppliedState& state, WatchPoll watch);
  void answer(const AppliedState& state, const WaitPoll& wait);
  void answer_without_change(const AppliedState& state, const WatchPoll& watch);
  void reply_busy(const AppliedState& state, Asker asker);

  DeskOptions options_;
  PendingRequests pending_;
  Reads reads_;
  KeepAlives keep_alives_;
  Waits waits_;
  Watches watches_;
  std::vector<ClientReply> replies_;
};

}  // namespace lockstep
