// One turn of a node's loop: what came in goes into the core, and what the core has decided goes out.
//
//   ReplicaCore core(replica);
//   Turn turn(io, core);
//   turn.send_out();                                       // what the core has to say at its start
//   while (...) const TurnEnd end = turn.run(Time::max());
//
// What the core is promised, and may rely on:
//  - Every event of a turn has one time. It is read after the wait and before anything is read, and never falls.
//  - What the disk has to tell comes first, in its order. Then comes what peers have sent, then what clients have.
//  - A Tick comes last, once the core's deadline has passed. It says that the peers were read empty only if they were,
//    after the time that it has (L5).
//  - Everything of a turn is one batch, and goes out together: that is the batching, and there is no timer for it.
//  - Messages leave before the writes are handed to the disk, so that all nodes' disks work at the same time (R15).
//    Clients are answered last.
// Nothing is decided here: what must be durable before it is said is held back inside the core.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "nodes/server/turn_io.hpp"
#include "protocol/base/stop_reason.hpp"
#include "protocol/replica/replica.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {

// What the loop has to know of a turn.
struct TurnEnd {
  Now now;                                  // of its events
  std::optional<std::string> disk_failure;  // nothing went out, and nothing can be known of the disk any more
  std::optional<StopReason> fatal;          // the core cannot go on
};

struct BadPeerFrames {
  std::uint64_t count = 0;
  std::string last;  // what was wrong with the last one
};

// What decides. A node has a ReplicaCore; tests have one that records.
class TurnCore {
 public:
  TurnCore() = default;
  TurnCore(const TurnCore&) = delete;
  TurnCore& operator=(const TurnCore&) = delete;
  virtual ~TurnCore() = default;

  // As those of the Replica.
  virtual void step(Now now, const Event& event) = 0;
  virtual void end_turn() = 0;
  virtual Output take_output() = 0;
  virtual Time next_deadline() const = 0;
  virtual LogIndex applied_index() const = 0;
};

class ReplicaCore final : public TurnCore {
 public:
  explicit ReplicaCore(Replica& replica) : replica_(replica) {}

  void step(Now now, const Event& event) override { replica_.step(now, event); }
  void end_turn() override { replica_.end_turn(); }
  Output take_output() override { return replica_.take_output(); }
  Time next_deadline() const override { return replica_.next_deadline(); }
  LogIndex applied_index() const override { return replica_.applied_index(); }

 private:
  Replica& replica_;
};

class Turn {
 public:
  Turn(TurnIo& io, TurnCore& core) : io_(io), core_(core) {}

  // Waits until something comes in, the core's deadline or `until`. Then the turn.
  TurnEnd run(Time until);
  // Ends the batch. A reason if the core cannot go on.
  std::optional<StopReason> send_out();

  // Frames that no peer should send. They were dropped.
  const BadPeerFrames& bad_peer_frames() const { return bad_peer_frames_; }

 private:
  std::optional<std::string> take_disk(Now now);  // why it failed, if it did
  void take_peers(Now now);
  void take_clients(Now now);
  void answer_bad_frame(Now now, ConnectionId connection, const wire::DecodeError& error);
  void note_bad_peer_frame(std::string detail);

  TurnIo& io_;
  TurnCore& core_;
  BadPeerFrames bad_peer_frames_;
};

}  // namespace lockstep
