// What a leader knows of the other voters: how far each has got, and when it was last heard.
//
// It owns, for every other voter, the highest match and round that the voter acknowledged in this term.
// Invariant: neither ever falls, since Acks may overtake each other and what was durable once stays so (R3).
//
// It counts quorums; it does not know what is committed or which entries there are. The caller passes what the leader
// itself has, as a leader counts itself like everyone. A value, made again in each term.
#pragma once

#include <map>
#include <vector>

#include "protocol/base/types.hpp"
#include "protocol/raft/entry.hpp"
#include "protocol/raft/messages.hpp"

namespace lockstep::raft {

class Progress {
 public:
  struct PeerProgress {
    LogIndex match;
    Round round;
    Time heard{};       // its last Ack
    bool lost = false;  // an operator was told so
  };

  // Everyone counts as heard now, and has proved nothing.
  Progress(const Configuration& configuration, NodeId self, Time now);

  const std::map<NodeId, PeerProgress>& peers() const { return peers_; }

  // True: the peer was lost and is back.
  bool acked(Time now, NodeId from, const Ack& ack);
  // The peers that have been silent for longer than `silence` since this was last asked.
  std::vector<NodeId> take_lost(Time now, Duration silence);

  // The highest that a quorum has reached, of which the leader has reached `own`.
  LogIndex match_of_quorum(LogIndex own) const;
  Round round_of_quorum(Round own) const;
  // How long ago a quorum was last heard from. The leader hears itself now (R10, L5).
  Duration silence_of_quorum(Time now) const;

 private:
  std::map<NodeId, PeerProgress> peers_;
};

}  // namespace lockstep::raft
