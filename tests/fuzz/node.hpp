// A whole node for fuzz targets: a Replica whose disk is done at once, and what it has said so far.
//
// A value: each input gets copies of nodes that stand somewhere interesting.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "protocol/replica/replica.hpp"
#include "tests/support/model_disk.hpp"

namespace lockstep::fuzz {

class Node {
 public:
  // Member `id` of a cluster of `members` nodes named a, b, c, ..., with the ids 1, 2, 3, ... Not formed: a blank one.
  Node(std::uint64_t id, std::size_t members, bool formed);

  void step(const Event& event);
  void advance(Duration duration);  // and ticks
  void tick();                      // as soon as the node asks for it, and not before
  void restart();                   // from what its disk has

  // Steps with the frame as the server does, and returns whether it was one.
  bool receive_from_client(ConnectionId connection, std::string_view frame);
  bool receive_from_peer(ConnectionId connection, std::string_view frame);

  NodeId id() const { return disk_.durable().node; }
  const Replica& replica() const { return replica_; }
  const testing::ModelDisk& disk() const { return disk_; }
  bool has_stopped() const { return stopped_; }  // by itself, with a sentence why

  // Since they were last taken.
  std::vector<raft::Outgoing> take_messages() { return std::exchange(messages_, {}); }
  std::vector<ClientReply> take_replies() { return std::exchange(replies_, {}); }
  // The number of the last question of this kind to a peer; none: it asked none.
  CallNumber last_fetch() const { return last_fetch_; }
  CallNumber last_question() const { return last_question_; }

 private:
  Now now() const;
  void settle();
  void carry_out(Output output);
  void note(const raft::Message& message);

  std::size_t members_;
  testing::ModelDisk disk_;
  Time time_ = Time(std::chrono::hours(1));
  Replica replica_;
  std::deque<Event> waiting_;  // completions of the disk
  std::vector<raft::Outgoing> messages_;
  std::vector<ClientReply> replies_;
  CallNumber last_fetch_;
  CallNumber last_question_;
  bool stopped_ = false;
};

// Everything that these say to each other arrives, until they are silent.
void deliver_all(std::vector<Node>& nodes);
// A cluster of so many nodes, the first of which leads, with sessions, locks, waiters and a snapshot.
std::vector<Node> busy_cluster(std::size_t nodes);

}  // namespace lockstep::fuzz
