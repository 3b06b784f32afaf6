// How far a leader's peers have got, and what a quorum has (Raft sections 5.3 and 5.4.2, R3, R10).

#include "protocol/raft/progress.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/raft/quorum.hpp"

namespace lockstep::raft {

Progress::Progress(const Configuration& configuration, NodeId self, Time now) {
  for (const Member& member : configuration.voters) {
    if (member.id == self) continue;
    peers_.emplace(member.id, PeerProgress{.match = LogIndex(), .round = Round(), .heard = now, .lost = false});
  }
}

bool Progress::acked(Time now, NodeId from, const Ack& ack) {
  const auto found = peers_.find(from);
  INVARIANT(found != peers_.end(), "only voters are counted");
  PeerProgress& peer = found->second;
  peer.heard = now;
  // Acks may overtake each other; what was durable once stays so.
  peer.match = std::max(peer.match, ack.match);
  peer.round = std::max(peer.round, ack.round);
  return std::exchange(peer.lost, false);
}

std::vector<NodeId> Progress::take_lost(Time now, Duration silence) {
  std::vector<NodeId> lost;
  for (auto& [id, peer] : peers_) {
    if (peer.lost || now - peer.heard <= silence) continue;
    peer.lost = true;
    lost.push_back(id);
  }
  return lost;
}

LogIndex Progress::match_of_quorum(LogIndex own) const {
  std::vector<LogIndex> reached{own};
  for (const auto& [id, peer] : peers_) reached.push_back(peer.match);
  return reached_by_quorum(std::move(reached));
}

Round Progress::round_of_quorum(Round own) const {
  std::vector<Round> reached{own};
  for (const auto& [id, peer] : peers_) reached.push_back(peer.round);
  return reached_by_quorum(std::move(reached));
}

Duration Progress::silence_of_quorum(Time now) const {
  std::vector<Time> heard{now};
  for (const auto& [id, peer] : peers_) heard.push_back(peer.heard);
  return now - reached_by_quorum(std::move(heard));
}

}  // namespace lockstep::raft
