// The lease of one session across leaders (L2 to L6): three nodes, one client, and a clock of each.
//
// Production: the whole Replica of each node, Raft, barriers, rounds and leases included, and the whole ClientCore:
// when a renewal is sent, what an answer to it counts, and until when the client relies on its session.
// Modelled: the network, the disks, which complete at once, and the moments at which nodes campaign.
//
// Time passes in steps of a leader's tick, for all at once; the client's clock is slower than the nodes' by all that
// its margin allows, and with `slow_clocks` any node's clock may go as slowly as the client's for a step. A node that
// is not told of time is one that was stopped: it wakes up whenever it likes.
//
// A renewal reaches a or b, or both, at any time or never; a follower's Barrier and its answer arrive once, at any
// time or never. A leader's last broadcast and a follower's newest Ack arrive at any time, any number of times; who
// misses something in a broadcast fetches it at once. To each leader the Acks of one other node come, and no others.
// An election is one event, while the client may still have something to lose: a node campaigns, one other is asked
// and answers.
//
// Checked: while the client relies on its session, no leader of the newest term appends an Expire, and none is
// committed anywhere; nobody tells it that the session has ended. Of every leader, from outside: an Expire only with
// full state (R6) and after a TTL of healthy time since it led so or heard of the session (L2, L5, L6), and no later
// than two ticks after; no renewal is acknowledged after it (L4).
#pragma once

#include <deque>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "tests/explore/lease_node.hpp"
#include "tests/explore/search.hpp"

namespace lockstep::explore {

inline constexpr std::size_t kMaxRenewals = 3;

struct LeasesBounds {
  std::uint64_t renewals = 1;
  std::uint64_t failovers = 1;     // campaigns
  std::uint64_t steps = 5;         // of time
  std::uint64_t ttl = 2;           // in a leader's ticks
  std::uint64_t rounds = 1;        // of one leader
  std::uint64_t copies = 1;        // of one renewal, to different nodes
  std::uint64_t unread_ticks = 0;  // at which a leader has messages to read
  bool slow_clocks = false;
};

class LeasesModel {
 public:
  struct State {
    std::array<std::uint32_t, kNodes> nodes{};
    std::uint32_t client = 0;
    std::uint32_t traffic = 0;
    std::array<std::uint8_t, kMaxRenewals> taken{};     // nodes that have a copy, as bits
    std::array<std::uint8_t, kMaxRenewals> verdicts{};  // answers that may arrive: 1 renewed, 2 ended
    std::uint8_t campaigns = 0;                         // that were
    std::uint8_t unread_ticks = 0;
    std::uint8_t steps = 0;
  };
  enum class Kind : std::uint8_t {
    kStep,  // of time
    kTick,
    kUnreadTick,
    kClientTick,
    kOpened,
    kKeepAlive,
    kVerdict,
    kHear,
    kDeliver,
    kCampaign,
  };
  struct Event {
    Kind kind{};
    std::uint8_t node = 0;    // where it happens
    std::uint8_t from = 0;    // kHear: whose broadcast; kCampaign: who is asked
    std::uint8_t number = 0;  // kKeepAlive, kVerdict: of the renewal; kDeliver: of the message; kStep: slow clocks
    bool renewed = false;
    std::array<std::uint8_t, 3> unused{};
  };

  explicit LeasesModel(const LeasesBounds& bounds);

  State initial();
  void successors(const State& state, std::vector<Successor<LeasesModel>>& successors);
  State step(const State& state, const Event& event);
  Fingerprint fingerprint(const State& state) const;
  std::string describe(const State& state, const Event& event) const;
  std::string describe(const State& state) const;
  std::string sizes() const;

 private:
  // What happens to one node.
  struct Input {
    enum class Kind : std::uint8_t { kTime, kSlowTime, kTick, kUnreadTick, kKeepAlive, kCampaign, kMessage };
    Kind kind{};
    std::uint64_t number = 0;  // of a renewal, or of a message in messages_
  };
  struct Facts {
    Term term;
    bool leads = false;
    bool has_ended = false;  // an Expire is committed here
    std::uint64_t rounds = 0;
    NodeId leader;
  };
  struct Known {
    LeaseNode node;
    Facts facts;
  };
  struct Said {
    std::vector<std::uint32_t> published;  // in messages_
    std::vector<std::uint32_t> directed;
    std::vector<Verdict> verdicts;
    bool expires = false;
  };
  struct Reaction {
    std::uint32_t next = 0;
    Said said;
    std::string violation;
  };
  // What is under way: messages that were directed to one node, and each node's last broadcast.
  struct Traffic {
    std::vector<std::uint32_t> directed;  // sorted
    std::array<std::vector<std::uint32_t>, kNodes> published;
  };

  std::vector<Event> events(const State& state) const;
  void events_of_node(const State& state, std::uint8_t node, std::vector<Event>& events) const;
  bool is_in_bounds(const State& state) const;
  std::uint32_t intern(LeaseNode node);
  std::uint32_t intern(LeaseClient client);
  std::uint32_t intern(const raft::Message& message);
  std::uint32_t intern(Traffic traffic);
  const Reaction& react(std::uint32_t node, const Input& input);
  Reaction run(std::uint32_t node, const Input& input);
  void happen(State& state, Traffic& traffic, std::size_t node, const Input& input);
  void spread(State& state, Traffic& traffic, std::size_t node, const Said& said);
  void send(State& state, Traffic& traffic, std::uint32_t message);
  void campaign(State& state, Traffic& traffic, std::size_t node, std::size_t voter);
  void let_time_pass(State& state, Traffic& traffic, std::uint8_t slow);
  void forget_what_nobody_hears(const State& state, Traffic& traffic) const;
  void settle(State& state, Traffic& traffic);
  void check(const State& state) const;
  const Facts& facts(const State& state, std::size_t node) const { return nodes_[state.nodes[node]].facts; }

  LeasesBounds bounds_;
  Duration ttl_;
  SessionId session_;
  std::deque<Known> nodes_;
  std::deque<LeaseClient> clients_;
  std::deque<raft::Message> messages_;
  std::deque<Traffic> traffics_;
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> node_numbers_;
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> client_numbers_;
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> message_numbers_;
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> traffic_numbers_;
  std::unordered_map<Fingerprint, Reaction, HashOfFingerprint> reactions_;
};

}  // namespace lockstep::explore
