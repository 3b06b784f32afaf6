// How a blank node becomes a member of a cluster, once (R17).
//
// A blank node says Hello to the other initial members until it learns of entry 1. When all of them are
// blank and agree on the list, the first listed makes entry 1, syncs it, and only then tells anyone. A
// node is blank until it has durably stored an entry 1 that names its own id; that binds it to that
// cluster for good. Until then it neither votes nor acks, because it has no Raft.
//
// A wiped disk is a new node: it has a new id, which entry 1 does not name, and is refused. A node whose
// log was damaged so badly that entry 1 is gone still knows its cluster id, never forms a new cluster,
// and is given the same entry 1 again.
//
// It owns entry 1 until that is durable, and what it heard of the other initial members. It decides nothing alone: the
// first listed member forms, and only when all agree.
//
// A value: copyable, deterministic.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/random.hpp"
#include "protocol/base/stop_reason.hpp"
#include "protocol/raft/messages.hpp"
#include "protocol/raft/raft.hpp"

namespace lockstep::raft {

struct FormationOptions {
  std::string name;                          // this node's, one of the initial members
  std::vector<std::string> initial_members;  // in the order of the configuration; the first one forms
  std::string state_limits;                  // for entry 1, if this node makes it
  Duration hello_interval = std::chrono::milliseconds(200);
  std::uint64_t seed = 0;  // the cluster id comes from it
};

struct FormationOutput {
  std::vector<Write> writes;
  std::vector<Outgoing> messages;
  std::vector<Notice> notices;
  std::optional<StopReason> fatal;
};

class Formation {
 public:
  // `restored` holds no entries, or an entry 1 that the node crashed before it was bound by.
  Formation(const FormationOptions& options, const Restored& restored, Now now);

  void receive(Now now, ConnectionId connection, const Message& message);
  void persisted(Now now, WriteId write);
  void tick(Now now);
  FormationOutput take_output();
  Time next_deadline() const { return next_hello_; }

  // Once entry 1 and the cluster id are durable: what Raft starts from. None until then.
  const std::optional<Restored>& formed() const { return formed_; }
  WriteId last_write() const { return last_write_; }

 private:
  friend struct Inside;  // of the explorer
  struct BlankPeer {
    NodeId id;
    bool knows_us = false;  // it has heard this very disk, since that is whom it answers
    Time heard{};
    NodeId previous_id;  // what it called itself before that
    int changes = 0;     // how often it went back to an id it had left
  };

  void on_hello(Now now, ConnectionId connection, const Message& message, const Hello& hello);
  void on_form(const Message& message, const Form& form);
  void note_peer(Now now, const std::string& name, NodeId id, bool knows_us);
  void form_if_all_agree(Now now);
  void store(Entry entry);
  void bind();
  bool has_entry() const { return !node_.entries.empty(); }
  void say_hello();
  void tell_what_it_waits_for(Now now);
  std::string what_it_waits_for(Now now) const;
  bool is_heard(Now now, const BlankPeer& peer) const;
  void tell_everyone();
  void stop(Now now, std::string detail);
  bool is_first_listed() const { return options_.initial_members.front() == options_.name; }
  Message message(MessageBody body) const;

  FormationOptions options_;
  Random random_;
  Restored node_;                           // becomes formed_ when durable
  std::map<std::string, BlankPeer> peers_;  // blank ones that agree, by name
  bool made_it_ = false;                    // this node made entry 1
  std::optional<WriteId> entry_write_;
  std::optional<WriteId> binding_write_;
  std::optional<Restored> formed_;
  WriteId last_write_;
  Time next_hello_{};
  Time tells_at_{};   // when it is no longer usual to wait
  std::string told_;  // what it waits for, as it was told last
  Time tells_again_at_{};
  std::optional<std::string> doom_;  // why this node will stop; said once the others had time to hear why
  Time doom_at_{};
  FormationOutput output_;
};

// What a formed node answers to a Hello: entry 1 to one it names, else why not.
MessageBody answer_to_hello(const Configuration& configuration, WallTime formed_at, NodeId asker,
                            ClusterId asker_cluster, const Hello& hello);

// The difference between two lists of initial members, for a person.
std::string difference_of_members(const std::vector<std::string>& ours, const std::string& their_name,
                                  const std::vector<std::string>& theirs);

}  // namespace lockstep::raft
