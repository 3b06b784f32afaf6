// Incarnations of one client that open sessions and take over from each other, and a second client that wants the
// same lock (L1, L8). The production state machine alone: the log gives every request some order, and any order with
// any repetition is possible, so nodes would add nothing.
//
// Each incarnation has a nonce of its own. Before its first send it reads some session id that the cluster ever told
// its client, or none; its Open then says the same whenever and however often it arrives. Sessions run out and are
// closed at any moment; the lock is preempted and released at any moment, by the living and by zombies.
//
// After every entry: an Open ends a living session only if it names it, and never its own; a nonce opens one session;
// a client has one living session; the lock has one holder, whose session lives; its token only rises.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/locks/state_machine.hpp"
#include "tests/explore/search.hpp"

namespace lockstep::explore {

struct TakeoverBounds {
  std::uint64_t incarnations = 3;  // of the first client, at most 4
  std::uint64_t entries = 7;       // of the log
};

class TakeoverModel {
 public:
  static constexpr std::size_t kProcesses = 5;  // the last is the second client's only one
  struct State {
    std::uint32_t machine = 0;                        // in machines_
    std::array<std::uint8_t, kProcesses> replaces{};  // what its Open says
    std::array<std::uint8_t, kProcesses> session{};   // that its Open opened; 0: none yet
    std::uint8_t started = 0;                         // processes, as bits
    std::uint8_t last_token = 0;                      // the highest that the lock ever had
    std::uint32_t told = 0;                           // session ids that the first client was told, as bits
  };
  enum class Kind : std::uint8_t { kStart, kOpen, kPreempt, kRelease, kClose, kExpire };
  struct Event {
    Kind kind{};
    std::uint8_t process = 0;
    std::uint8_t session = 0;  // that it replaces, uses or that ends
    std::array<std::uint8_t, 5> unused{};
  };

  explicit TakeoverModel(const TakeoverBounds& bounds) : bounds_(bounds) {}

  State initial();
  void successors(const State& state, std::vector<Successor<TakeoverModel>>& successors);
  State step(const State& state, const Event& event);
  Fingerprint fingerprint(const State& state) const;
  std::string describe(const State& state, const Event& event) const;
  std::string describe(const State& state) const;
  std::string sizes() const { return std::to_string(machines_.size()) + " states of the machine"; }

 private:
  struct Machine {
    locks::StateMachine machine;
    std::uint64_t entries = 0;
  };
  std::vector<Event> events(const State& state) const;
  std::uint32_t intern(Machine machine);
  void check_open(const State& state, const Event& event, const locks::Outcome& outcome, State& next) const;
  void check_lock(const Machine& machine, State& next) const;

  TakeoverBounds bounds_;
  std::deque<Machine> machines_;
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> numbers_;
};

}  // namespace lockstep::explore
