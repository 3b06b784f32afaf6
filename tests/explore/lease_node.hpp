// One node, and the one client, of the model `leases`: the whole production Replica and the whole production
// ClientCore, each with a clock of its own.
//
// A node's disk is quick: what it is asked to write is durable at once. Timeouts of elections are events of the model,
// so the Replica's own are too long to pass. It notes, by itself and from outside, for how long its leader's clock of
// the session may have run, and compares: see check_expire().
// Values, like what they hold.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/client_core/client_core.hpp"
#include "protocol/replica/replica.hpp"
#include "tests/explore/projection.hpp"

namespace lockstep::explore {

inline constexpr Duration kLeaseTick = std::chrono::milliseconds(500);  // of a leader's clock: its heartbeat
// By the client's clock. Its margin is for clocks whose speeds differ by so much.
inline constexpr Duration kClientsTick = kLeaseTick * 49 / 50;

// What a node says of a renewal to the client.
struct Verdict {
  CallNumber renewal;
  bool renewed = false;  // false: the session has ended
};

struct Spoken {
  std::vector<raft::Message> published;  // the last broadcast
  std::vector<raft::Message> directed;
  std::vector<Verdict> verdicts;
  std::optional<locks::SessionOpened> opened;
  bool expires = false;  // an Expire was appended
};

class LeaseNode {
 public:
  LeaseNode(NodeId self, Duration ttl);  // of a formed cluster, with entry 1

  // Events. What comes of each is kept for take_spoken().
  void let_time_pass(Duration time) { clock_ += time; }
  void tick(bool peers_read_empty);
  void open(const wire::OpenSession& open);
  void keep_alive(CallNumber renewal, SessionId session);
  void receive(raft::Message message);
  void campaign();  // an election timeout passes, and a quorum would vote for it

  Spoken take_spoken();
  void project(Projection& out) const;

  const raft::Raft& raft() const { return *replica_.raft(); }
  bool has_expire(LogIndex up_to) const;  // its log
  SessionId session() const;              // none: not open here

 private:
  void step(const Event& event) { step(clock_, event); }
  void step(Time time, const Event& event);
  void take_output();
  void note(raft::Outgoing outgoing);
  void begin_to_lead(Term led);
  void count_tick(bool peers_read_empty);
  void check_expire(LogIndex last);
  Duration lately(Time then) const;

  Duration ttl_;
  Time clock_;
  Replica replica_;
  Spoken spoken_;
  // As a leader with full state: the time that counts against the session (L5), no more of it than matters, since it
  // began to lead so or heard of the session.
  Duration silent_{};
  Time last_tick_{};  // that counted
  Time heard_{};      // the last Ack
};

class LeaseClient {
 public:
  LeaseClient(Duration ttl, std::uint64_t renewals);

  const wire::OpenSession& first_open() const { return open_; }
  void let_time_pass(Duration time) { clock_ += time; }
  void tick();
  void opened(const locks::SessionOpened& answer);
  void answered(const Verdict& verdict);

  // It relies on its session.
  bool is_safe() const;
  bool has_lost() const { return core_.lease().lost.has_value(); }
  SessionId session() const { return core_.session().id(); }
  std::size_t renewals_sent() const { return sent_.size(); }
  bool is_opening() const { return !core_.session().is_open() && !has_lost(); }
  void project(Projection& out) const;

 private:
  struct Sent {
    CallNumber call;
    Time at{};
  };
  void step(const ClientEvent& event);
  void take_output();

  Duration ttl_;
  std::uint64_t renewals_;
  Time clock_;
  ClientCore core_;
  wire::OpenSession open_;
  CallNumber open_call_;
  std::vector<Sent> sent_;    // the renewals; later ones are lost on the way
  std::size_t answered_ = 0;  // up to here an answer counted: none to an earlier one does any more
};

}  // namespace lockstep::explore
