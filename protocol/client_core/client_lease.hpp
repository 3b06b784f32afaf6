// When a client renews its session's lease, and until when it may rely on it (L3).
//
// The lease counts from the moment at which the acknowledged keep-alive was SENT (or the Open was first sent):
// the cluster cannot have started it earlier, so the client is always the first to know that it ran out. Each
// keep-alive is a message of its own with its own send time; a late answer to an earlier one counts with that
// one's. Nothing else extends the lease.
//
// With TTL 0 there is no lease, and nothing to renew but the waits: while the session waits in line, the
// cluster gives its waits a lease of 10 s.
// A value without I/O: it decides when a keep-alive is due, its owner sends it.
#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "protocol/base/types.hpp"

namespace lockstep {

class ClientLease {
 public:
  // Answers to the last `kept` keep-alives are believed.
  ClientLease(Duration ttl, Duration attempt_timeout, std::size_t kept);

  // A session was opened by an Open that was first sent then, or restored (then only with TTL 0).
  void begin(Time first_sent);
  void end();
  // With TTL 0: whether the session waits in line.
  void set_waiting(Time now, bool waiting);

  // None: no session, or it never expires.
  std::optional<Time> safe_until() const { return safe_until_; }
  bool has_run_out(Time now) const { return safe_until_ && *safe_until_ <= now; }

  bool is_due(Time now) const { return is_kept() && !in_flight_ && due_ <= now; }
  void sent(Time now, CallNumber call, std::size_t endpoint);
  bool is_keep_alive(CallNumber call) const { return sent_.contains(call); }
  bool is_newest(CallNumber call) const { return in_flight_ && !sent_.empty() && sent_.rbegin()->first == call; }
  // Returns whether the lease is certain for longer now.
  bool acknowledged(CallNumber call);

  // The endpoint that owes an answer to the newest keep-alive; none: nobody does.
  std::optional<std::size_t> asked_endpoint() const;
  bool is_overdue(Time now) const { return in_flight_ && due_ <= now; }
  // The newest came to nothing. The next one is sent after `pause`.
  void failed(Time now, Duration pause);
  std::uint32_t failures() const { return failures_; }  // in a row

  // Since when the cluster owes an answer: the oldest keep-alive that was sent after the newest acknowledged one.
  std::optional<Time> silent_since() const;
  Time next_deadline() const;

 private:
  bool is_kept() const { return open_ && (ttl_ > Duration::zero() || waiting_); }

  Duration ttl_;
  Duration interval_;
  Duration patience_;
  std::size_t kept_;
  bool open_ = false;
  bool waiting_ = false;
  std::optional<Time> safe_until_;
  std::map<CallNumber, Time> sent_;  // those after the newest acknowledged one, with their send times
  bool in_flight_ = false;           // the newest is waited for until `due_`, else the next is sent then
  Time due_{};
  std::size_t endpoint_ = 0;
  std::uint32_t failures_ = 0;
};

}  // namespace lockstep
