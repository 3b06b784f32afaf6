// Three whole nodes in one process: production Replicas on production Storage on disks in memory, one clock, a network
// that loses nothing but what is for a node that is down or cut off, and one client that asks, waits for the answer,
// and asks again elsewhere if there is none.
//
// All that is committed is applied to a reference at once, and compared: what a node applies later, its state's hash
// at every step, and every answer that the client was given. Deterministic. Throws simulation::Failure.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "nodes/storage/storage.hpp"
#include "protocol/replica/replica.hpp"
#include "tests/crash/failing_disk.hpp"
#include "tests/simulation/reference.hpp"

namespace lockstep::crash {

using Place = std::size_t;  // of a node: 0, 1 or 2
using Survives = std::function<bool(std::size_t)>;

inline char name_of(Place place) { return static_cast<char>('a' + place); }

class World {
 public:
  static constexpr Place kNodes = 3;

  // What outlives all processes: disks, and what the client knows.
  struct Remains {
    Remains();
    std::array<MemoryDisk, kNodes> disks;
    simulation::Reference reference;
    std::vector<std::pair<locks::Command, wire::ResponseBody>> given;
    std::vector<SessionId> sessions;  // of clients 0, 1, ...
    std::vector<std::uint64_t> last_numbers;
    std::uint64_t incarnations = 0;
    Time time = Time(std::chrono::hours(1));
  };
  World() : World(Remains()) {}
  explicit World(Remains remains);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  // Ends all processes, and takes what is left.
  Remains stop(bool cleanly);

  FailingDisk& disk(Place place) { return nodes_[place].disk; }
  // Which of what is unsynced survives when this node's power fails the next time. It starts again by itself.
  void at_power_failure(Place place, Survives survives) { nodes_[place].survives = std::move(survives); }
  void end_process(Place place, bool cleanly);  // and it starts again
  void keep_down(Place place) { nodes_[place].may_start = false; }
  void let_start(Place place) { nodes_[place].may_start = true; }
  // Its disk is damaged: it need not start again. Every other node must.
  void let_refuse(Place place) { nodes_[place].may_refuse = true; }
  void isolate(Place place) { isolated_.insert(place); }
  void heal() { isolated_.clear(); }
  void run(Duration duration);
  // A compaction of this node does not end until it is let go: writes and installs overtake it.
  void hold_compactions(Place place) { held_ = place; }
  void let_compactions_go();
  // How many snapshots were installed while a compaction was under way.
  std::uint64_t overtaken_compactions() const { return overtaken_; }

  // The client's next request, to its end. Session `client` is opened first if it is none.
  void request(std::size_t client, const locks::Operation& operation);
  // Every node runs, unless it may refuse to, and has applied all that anyone has, and all answers hold.
  void settle();
  // The last request of each session once more: answered as it was, and run no second time.
  void repeat_last_requests();

  Place leader() const;  // kNodes: nobody leads
  const Remains& remains() const { return remains_; }
  const Replica* replica(Place place) const { return nodes_[place].replica ? &*nodes_[place].replica : nullptr; }
  // Why a node refuses to start; none does not.
  std::optional<std::string> refusal(Place place) const { return nodes_[place].refusal; }
  // What the last start said.
  const std::vector<Notice>& notices(Place place) const { return nodes_[place].notices; }

 private:
  struct Node {
    FailingDisk disk;
    std::optional<Storage> storage;  // none: the process is down
    std::optional<Replica> replica;
    Survives survives = [](std::size_t) { return false; };
    Time start_at{};
    bool may_start = true;
    bool may_refuse = false;
    std::optional<std::string> refusal;
    std::vector<Notice> notices;
    bool compacting = false;
  };
  struct Envelope {
    Place from = 0;
    Place to = 0;
    raft::Message message;
  };

  void start(Place place);
  void die(Place place);
  void step(Place place, const Event& event);
  void carry_out(Place place, Output output);
  void send(Place from, const raft::Outgoing& outgoing);
  void finish_compaction(Place place);
  void note_applied(Place place);
  bool run_one(Time until);
  wire::ResponseBody ask(const wire::RequestBody& body);
  std::string what_is_missing() const;
  Now now() const;

  Remains remains_;
  std::array<Node, kNodes> nodes_;
  std::deque<Envelope> network_;
  std::set<Place> isolated_;
  CallNumber call_;
  std::optional<wire::ResponseBody> answer_;  // to that call
  Place held_ = kNodes;                       // whose compactions do not end; kNodes: nobody's
  std::uint64_t overtaken_ = 0;
};

}  // namespace lockstep::crash
