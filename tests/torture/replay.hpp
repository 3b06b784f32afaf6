// The log once more, entry by entry, through the naive state machine: what ran, what was answered, who held what.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/naive_machine.hpp"
#include "tests/torture/history.hpp"

namespace lockstep::torture {

// A request of a session, as it ran for the first time. Copies of it only repeat the answer.
struct Ran {
  std::uint64_t index = 0;
  std::string client;  // UUID; empty: its session was not known
  locks::Operation operation;
  locks::Result result;
};

// One grant of one name, and how it ended.
struct Grant {
  std::string client;
  std::string name;
  std::uint64_t token = 0;  // and index
  std::uint64_t ended = 0;  // index; 0: it did not
  std::optional<locks::EndReason> reason;
};

class Replay {
 public:
  // `at_each`: told after each entry, with the machine as it is then.
  using AtEach = std::function<void(std::uint64_t index, locks::NaiveMachine&)>;
  Replay(const std::vector<Entry>& entries, const AtEach& at_each);

  // What the entry answered; none if it answered nobody. A copy gives what ran first.
  const Ran* answered_at(std::uint64_t index) const;
  // Of one client, in order.
  const std::vector<const Ran*>& ran_by(const std::string& client) const;
  const std::vector<Grant>& grants() const { return grants_; }
  const Grant* grant(const std::string& client, const std::string& name, std::uint64_t token) const;
  std::uint64_t last() const { return last_; }

 private:
  void apply(locks::NaiveMachine& machine, const Entry& entry, const locks::Command& command);
  void note_changes(const std::vector<locks::LockChange>& changes);

  std::map<std::uint64_t, Ran> ran_;                                        // by index
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> first_;  // (session, number): the index it ran at
  std::map<std::uint64_t, std::uint64_t> copies_;                           // index: of the first run
  std::map<std::string, std::vector<const Ran*>> by_client_;
  std::map<std::uint64_t, std::string> owners_;  // of sessions, living or not
  std::vector<Grant> grants_;
  std::map<std::tuple<std::string, std::string, std::uint64_t>, std::size_t> places_;
  std::uint64_t last_ = 0;
};

// As clients were shown it, without what is for people.
locks::LockView plain(locks::LockView view);

}  // namespace lockstep::torture
