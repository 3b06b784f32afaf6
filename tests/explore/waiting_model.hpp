// Clients that wait for each other's locks at one node, over a network that loses, repeats, delays and reorders all
// that they say (L1, L3, L8; "Exactly once, and waiting").
//
// Core: the whole Replica and whole ClientCores, see waiting_node.hpp and waiting_client.hpp. A cluster of one, since
// what the log does to requests is an order of them, and every order comes by the network alone.
//
// Bounds: calls, how often a client loses its patience or sleeps too long, how often a message arrives once more, how
// often a process ends and another begins, how often a session's lease or its waits run out, how often the node's time
// passes, and how many events a turn of the node has. Messages under way are a set. One that never arrives is lost.
//
// After every step: a call ends once. What was granted was granted to that client, with that token. A client counts on
// what its session holds, unless the answer that ends it is under way, its lease has run out or an operator took it.
// Whatever a session holds or waits for its client knows, or has asked for. What is told of a takeover is what the
// session holds, without what was taken since. Where nothing is under way nothing is left, at the client or the node.
#pragma once

#include <array>
#include <deque>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/explore/search.hpp"
#include "tests/explore/waiting_client.hpp"
#include "tests/explore/waiting_node.hpp"

namespace lockstep::explore {

inline constexpr std::size_t kMostClients = 3;

struct WaitingBounds {
  std::uint64_t clients = 2;
  std::uint64_t calls = 3;
  std::uint64_t forces = 0;    // of these calls, how many may be an operator's
  std::uint64_t patience = 1;  // lost
  std::uint64_t repeats = 0;
  std::uint64_t restarts = 0;
  std::uint64_t expiries = 0;
  std::uint64_t times = 0;     // of the node that pass
  std::uint64_t renewals = 0;  // of a client that are not lost
  std::uint64_t turn = 1;      // events of one
  bool two_names = false;      // else one
  bool preempts = false;
  bool leases = false;       // else sessions never expire
  bool holding = false;      // begin with the first client holding all
  bool small_pages = false;  // of what a client reads that takes over
};

class WaitingModel {
 public:
  struct State {
    std::uint32_t node = 0;
    std::array<std::uint32_t, kMostClients> clients{};
    std::uint32_t traffic = 0;
    // That may still come.
    std::uint8_t calls = 0;
    std::uint8_t forces = 0;
    std::uint8_t patience = 0;
    std::uint8_t repeats = 0;
    std::uint8_t restarts = 0;
    std::uint8_t expiries = 0;
    std::uint8_t times = 0;
  };
  enum class Kind : std::uint8_t {
    kAsk,
    kDeliver,
    kRepeat,
    kEndTurn,
    kLosePatience,
    kSleep,
    kStartAgain,
    kExpire,
    kNodeTime,
  };
  struct Event {
    Kind kind{};
    std::uint8_t client = 0;
    std::uint8_t place = 0;  // of the message among those under way
    Asked asked{};
    std::array<std::uint8_t, 4> unused{};
  };

  explicit WaitingModel(const WaitingBounds& bounds) : bounds_(bounds) {}

  State initial();
  void successors(const State& state, std::vector<Successor<WaitingModel>>& successors);
  State step(const State& state, const Event& event);
  Fingerprint fingerprint(const State& state) const;
  std::string describe(const State& state, const Event& event) const;
  std::string describe(const State& state) const;
  std::string sizes() const;

 private:
  // A message between the node and one client.
  struct Mail {
    ConnectionId connection;
    std::uint8_t client = 0;
    std::variant<wire::Request, wire::Response> what;
    bool is_to_node() const { return std::holds_alternative<wire::Request>(what); }
  };
  using Traffic = std::vector<std::uint32_t>;  // in mails_; sorted
  struct Reaction {
    std::uint32_t next = 0;
    Traffic said;
    std::vector<Ended> ended;
    std::string violation;
  };
  struct KnownNode {
    WaitingNode node;
    Fingerprint fingerprint;
  };

  std::vector<Event> events(const State& state) const;
  void events_of_client(const State& state, std::uint8_t client, std::vector<Event>& events) const;
  bool may_ask(const State& state, const WaitingClient& client, Asked asked) const;
  std::optional<locks::Expire> expiry_of(const State& state, std::uint8_t client) const;
  void happen_to_node(State& state, Traffic& traffic, const Event& event, std::uint32_t mail);
  void happen_to_client(State& state, Traffic& traffic, const Event& event, std::uint32_t mail);
  Reaction run_node(std::uint32_t number, const Event& event, std::uint32_t mail, const State& state);
  Reaction run_client(std::uint32_t number, const Event& event, std::uint32_t mail);
  void settle(State& state);
  std::uint32_t intern(WaitingNode node);
  std::uint32_t intern(WaitingClient client);
  std::uint32_t intern(Mail mail);
  std::uint32_t intern(Traffic traffic);
  void check(const State& state);
  void check_rest(const State& state, std::uint8_t client) const;
  const WaitingNode& node_of(const State& state) const { return nodes_[state.node]; }
  const WaitingClient& client_of(const State& state, std::uint8_t client) const {
    return clients_[state.clients[client]];
  }

  WaitingBounds bounds_;
  std::deque<WaitingNode> nodes_;
  std::deque<WaitingClient> clients_;
  std::deque<Mail> mails_;
  std::deque<Traffic> traffics_;
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> node_numbers_;
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> client_numbers_;
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> mail_numbers_;
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> traffic_numbers_;
  std::unordered_map<Fingerprint, Reaction, HashOfFingerprint> reactions_;
  FingerprintSet checked_;  // pairs of a node's state and a client's
};

}  // namespace lockstep::explore
