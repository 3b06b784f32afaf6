// What a leader does for leases (L2, L4, L5, L6): it keeps their clock, says what became of renewals, and says whose
// lease has run out. A follower does nothing of this.
//
// The clock is Leases'; this is who keeps it, and for which sessions. It begins when this node leads and knows the full
// state (R6), gives every session its full TTL then (L6), and ends with the leadership. In between it follows what
// every applied entry does to sessions.
//
// Invariant: leases are known only while they are kept, and only of sessions that live and need one.
// A value: copyable, deterministic, not thread-safe. It appends nothing itself.
#pragma once

#include <optional>
#include <vector>

#include "protocol/base/types.hpp"
#include "protocol/locks/state_machine.hpp"
#include "protocol/raft/messages.hpp"
#include "protocol/replica/fold.hpp"
#include "protocol/replica/leases.hpp"

namespace lockstep {

class LeaseKeeper {
 public:
  // `heartbeat`: how often a healthy quorum answers, and the tick of the leases' clock.
  explicit LeaseKeeper(Duration heartbeat) : heartbeat_(heartbeat), leases_(heartbeat) {}

  // This node leads `term` and has applied an entry of it. Without effect while it does.
  void keep(Time now, Term term, const locks::StateMachine& state);
  // It does not, or not any more.
  void stop(Time now);
  bool keeps() const { return term_.has_value(); }

  // Time has passed. `quorum_silence`: since a quorum was last heard. `peers_read_empty`: all that peers had sent was
  // looked at before, so a renewal is not overlooked (L5).
  void advance(Time now, Duration quorum_silence, bool peers_read_empty);
  // The client of this session was heard from: its lease starts again (L2).
  void renew(SessionId session) { leases_.renew(session); }
  // Follows what an applied entry did: it may have opened sessions or ended them, and queued or settled their waits.
  void applied(const AppliedEntry& entry, const std::vector<locks::SettledWaiter>& settled,
               const locks::StateMachine& state);

  // Whose lease has run out. An Expire of each must be appended now; from then on nothing is promised (L4).
  std::vector<locks::Expire> take_expired(const locks::StateMachine& state);
  // It could not be appended: take_expired() will return it again.
  void put_back(const locks::Expire& expire) { leases_.put_back(expire.session); }

  // What a renewal that this leader heard of is answered, once a round has confirmed that it still led.
  raft::Renewal verdict_on(SessionId session, const locks::StateMachine& state) const;

  // When advance() must be called at the latest, Time::max() if there is nothing to advance.
  Time next_deadline() const { return keeps() ? leases_.next_deadline() : Time::max(); }
  std::size_t size() const { return leases_.size(); }
  void check_invariants(const locks::StateMachine& state) const;

 private:
  friend struct Inside;  // of the explorer
  void follow(SessionId session, const locks::StateMachine& state);

  Duration heartbeat_;
  Leases leases_;
  std::optional<Term> term_;  // in which this node leads and keeps them
};

}  // namespace lockstep
