// A few raft nodes with one clock, their disks, and the messages between them: the stage on which
// unit tests and scenarios play. Nothing happens by itself: time passes, messages arrive and writes
// complete when the test says so, and the same calls give the same trace, always.
//
// After every event it checks what must never break: a term has one leader, committed entries agree,
// and what is committed is on the disks of a majority.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/raft/raft.hpp"
#include "tests/support/model_disk.hpp"

namespace lockstep::raft {

struct Envelope {
  std::string from;
  std::string to;
  bool published = false;
  Message message;
};

class RaftWorld {
 public:
  // Formed a moment ago: entry 1 is durable on every node, nobody has voted. Names as in "a b c".
  explicit RaftWorld(const std::string& names, const Options& options = Options());

  // The node starts anew from a disk whose log has entries of these terms, entry 1 being the first.
  void start_with_log(const std::string& name, const std::vector<Term>& terms);
  void start_from(const std::string& name, const Restored& disk);

  // --- time ---
  void tick(const std::string& name);     // the clock goes on to the node's next deadline; no other node notices
  void timeout(const std::string& name);  // its clock runs until it asks for pre-votes, or votes for itself if alone
  void advance(Duration duration) { now_ += duration; }
  void run(Duration duration);  // everyone's clock runs, messages arrive at once; traced without messages

  // --- what a node is asked ---
  Proposed propose(const std::string& name, const std::string& command);
  CallNumber request_barrier(const std::string& name, std::vector<SessionId> renewals = {});
  void forward(const std::string& name, std::vector<std::string> commands);

  // --- messages ---
  void deliver();                                                // all in flight, and all that follows from them
  void deliver(const std::string& from, const std::string& to);  // what is in flight between the two now
  void drop(const std::string& from, const std::string& to, bool published_only = false);
  // A message that the test makes up, from a node at that term.
  void receive(const std::string& to, const std::string& from, Term term, MessageBody body);
  void cut(const std::string& from, const std::string& to, bool published_only = false);
  void isolate(const std::string& name);
  void heal() { cuts_.clear(); }

  // --- disks ---
  void disk_is_late(const std::string& name, bool late);  // writes wait for persist() from now on, or no more
  void persist(const std::string& name);                  // its oldest outstanding write is durable
  void persist_all(const std::string& name);
  void crash(const std::string& name);  // what its disk has not finished is lost
  // The same, but of the oldest unfinished write the entries survive without the hard state.
  void crash_within_write(const std::string& name);
  void restart(const std::string& name);
  // Its disk has nothing to give for this question.
  void snapshot_is_gone(const std::string& name, const SnapshotRead& read) { find(name).raft->snapshot_read(read, ""); }
  // A snapshot of all that it has committed is made and durable (S6), with a state of so many bytes.
  void compact(const std::string& name, std::size_t state_bytes = 10);

  // Times the node out, and delivers everything: it leads then, or the test fails. Traced without messages.
  void elect(const std::string& name);

  // --- views ---
  const Raft& node(const std::string& name) const { return *find(name).raft; }
  bool is_up(const std::string& name) const { return find(name).raft.has_value(); }
  const Restored& disk(const std::string& name) const { return find(name).disk.durable(); }
  const std::deque<Write>& outstanding(const std::string& name) const { return find(name).outstanding; }
  NodeId id(const std::string& name) const { return find(name).id; }
  Time now() const { return now_; }
  const std::deque<Envelope>& in_flight() const { return in_flight_; }
  // Bodies of one type in flight between two nodes.
  template <typename Body>
  std::vector<Body> in_flight(const std::string& from, const std::string& to) const {
    std::vector<Body> bodies;
    for (const Envelope& envelope : in_flight_) {
      const auto* body = std::get_if<Body>(&envelope.message.body);
      if (body != nullptr && envelope.from == from && envelope.to == to) bodies.push_back(*body);
    }
    return bodies;
  }
  const std::vector<BarrierAnswer>& barriers(const std::string& name) const { return find(name).barriers; }
  // The sessions whose renewals it was handed while it led.
  const std::vector<SessionId>& renewed(const std::string& name) const { return find(name).renewed; }
  const std::vector<std::string>& names() const { return names_; }
  std::string state(const std::string& name) const;  // role, term, vote, log, how far
  std::vector<std::string> take_trace();

 private:
  struct Node {
    NodeId id;
    std::string name;
    testing::ModelDisk disk;
    std::deque<Write> outstanding;
    bool disk_is_late = false;
    std::optional<Raft> raft;  // none while it is down
    std::vector<BarrierAnswer> barriers;
    std::vector<SessionId> renewed;
    LogIndex last_written;  // of its log, as far as its writes say
    LogIndex checked_commit;
  };
  struct Cut {
    std::string from;
    std::string to;
    bool published_only = false;
  };

  Node& find(const std::string& name);
  const Node& find(const std::string& name) const;
  std::string name_of(NodeId id) const;
  Now now_both() const {
    return {now_, WallTime(std::chrono::duration_cast<WallTime::duration>(now_.time_since_epoch()))};
  }
  void start(Node& node);
  void tick_at_deadline(Node& node);
  void settle(Node& node);
  void send(Node& node, const Outgoing& outgoing);
  void note_last_written(Node& node, const Write& write);
  void ask_disk(Node& node, Write write);
  void read_snapshot(Node& node, const SnapshotRead& read);
  void arrive(const Envelope& envelope);
  bool is_cut(const std::string& from, const std::string& to, bool published) const;
  void check(Node& node);
  void answer(Node& node, const ReadyBarrier& barrier);
  void note_answer(Node& node, const BarrierAnswer& answer);
  void trace(std::string line) { trace_.push_back(std::move(line)); }

  Options options_;
  Time now_{};
  std::vector<std::string> names_;
  std::map<std::string, Node> nodes_;
  std::deque<Envelope> in_flight_;
  std::vector<Cut> cuts_;
  std::vector<std::string> trace_;
  bool trace_messages_ = true;
  bool asked_for_votes_ = false;  // since timeout() began
  std::map<Term, std::string> leaders_;
  std::vector<Entry> committed_;  // by whichever node first said so
};

}  // namespace lockstep::raft
