// The node of the model `waiting`: the whole production Replica, as a cluster of one whose disk is quick.
//
// What it is asked comes in turns of one or several events; commands run when a turn ends. Its time stands still but
// for let_time_pass(), by which all that it held back is answered. Its leases never run out by themselves: an Expire is
// an event of the model.
//
// Invariant, after every turn: every copy of a request is answered once or held, and nothing else is held.
// A value, like what it holds.
#pragma once

#include <vector>

#include "protocol/replica/replica.hpp"
#include "tests/explore/fingerprint.hpp"

namespace lockstep::explore {

Fingerprint fingerprint_of(std::string_view bytes);

// The node's wall clock tells how much was applied when the turn began.
WallTime wall_of(LogIndex applied);

class WaitingNode {
 public:
  explicit WaitingNode(bool small_pages);  // formed, and leads

  // Events. What comes of each is kept for take_replies().
  void take(ConnectionId from, const wire::Request& request);
  void end_turn();
  void expire(const locks::Expire& expire);
  void let_time_pass();

  std::vector<ClientReply> take_replies();
  const locks::StateMachine& machine() const { return replica_.state(); }
  LogIndex applied() const { return replica_.applied_index(); }
  std::size_t events_of_turn() const { return asked_.size(); }
  bool holds_any() const { return !held_.empty(); }
  bool holds_any_of(ConnectionId asker) const;
  Fingerprint fingerprint() const;

 private:
  struct Copy {
    ConnectionId from;
    CallNumber call;
    Fingerprint request;
    friend auto operator<=>(const Copy&, const Copy&) = default;
  };
  Now now() const { return {clock_, wall_of(applied())}; }
  void step(const lockstep::Event& event) { replica_.step(now(), event); }
  bool carry_out_turn();
  void was_answered(const ClientReply& reply);
  void check() const;

  Time clock_{};
  Replica replica_;
  std::vector<Copy> held_;   // since earlier turns, sorted
  std::vector<Copy> asked_;  // in this turn
  std::vector<ClientReply> replies_;
};

}  // namespace lockstep::explore
