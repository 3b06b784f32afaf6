// The leader's clock of the sessions that can expire (L2, L4, L5, L6). Not replicated: a deposed leader
// forgets it, a new leader starts it again, with a full TTL for every session.
//
// Its time is healthy time, not the machine's: it advances only while a quorum answers and the peers'
// messages were read, and by little at a step. A leader that was stopped for an hour has not seen an
// hour of silence; it has seen nothing, so it can expire nobody for it.
//
// It decides when an Expire may be appended. That the entry ends the session, on every node at the same
// point, is the state machine's; once one is appended, no renewal of that session counts any more.
// A value: copyable, deterministic, not thread-safe.
#pragma once

#include <cstdint>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/base/types.hpp"

namespace lockstep {

class Leases {
 public:
  // `tick`: healthy time advances by at most two of these at a step (L5).
  explicit Leases(Duration tick) : tick_(tick) {}

  // This node became leader (or is none any more): no leases are known.
  void begin(Time now);
  // `healthy`: since the last call a quorum answered and the peer sockets were read empty.
  void advance(Time now, bool healthy);

  // The session's lease runs for `duration` from now, and a little longer, since it must never be shorter: the
  // client counts on it. Nothing happens to one that is expiring.
  void start(SessionId session, Duration duration);
  // Starts the lease again for its whole duration, if it is known and not expiring.
  void renew(SessionId session);
  void forget(SessionId session);
  bool is_known(SessionId session) const { return leases_.contains(session); }
  // An Expire of it was appended in this leader's term.
  bool is_expiring(SessionId session) const;

  std::size_t size() const { return leases_.size(); }

  // Sessions whose lease has run out, longest ago first. Each is returned once and counts as expiring.
  std::vector<SessionId> take_expired();
  // The Expire could not be appended: it will be returned again.
  void put_back(SessionId session);

  // When advance() must be called, lest healthy time be lost: a step counts for little, however long it was.
  Time next_deadline() const;

 private:
  friend struct Inside;  // of the explorer
  struct Lease {
    Duration duration{};
    Duration ends{};  // in healthy time
    bool expiring = false;
  };

  Duration tick_;
  Duration healthy_time_{};
  Time last_advance_{};
  std::unordered_map<SessionId, Lease> leases_;
  std::set<std::pair<Duration, SessionId>> by_end_;  // those that are not expiring
};

}  // namespace lockstep
