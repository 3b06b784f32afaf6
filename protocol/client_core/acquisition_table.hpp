// The acquisitions of one client that are under way, and the indexes by which each event finds those that it concerns.
//
// An acquisition is asked for, then perhaps stands in line, then perhaps leaves the line. If its call gave up, what it
// was granted is released. At each moment one request carries it out: its step.
//
// Invariants: an acquisition has one step. Its names stay what they are while it stands in line. One that has no call
// is undone until nothing of it is left, unless an earlier process asked for it.
// Each call costs the logarithm of what is under way, and what it returns. Lists of ids are in order of the ids.
// A value without I/O. acquiring.cpp says how an acquisition goes on.
//
//   const AcquisitionId id = table.add(std::move(acquisition));
//   for (const AcquisitionId late : table.late(now, lease.silent_since())) give_up(late);
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/client_core/client_types.hpp"
#include "protocol/client_core/outstanding_request.hpp"

namespace lockstep::client_core {

struct Acquisition {
  enum class Stage : std::uint8_t { kAsking, kWaiting, kCancelling, kReleasing };
  CallId call;  // none: nobody waits for it any more, and what is left of it is undone
  std::vector<std::string> names;
  AcquireTerms terms;
  Time wait_ends = Time::max();
  Duration timeout{};                     // without an answer from a quorum for so long: the call ends
  std::optional<Time> silent_since = {};  // since when its step has no answer; a Wait counts from its first failure
  Stage stage = Stage::kAsking;
  RequestId request = {};                        // its step
  WaiterId waiter = {};                          // its place in line
  std::optional<AcquireProgress> progress = {};  // once it stood in line
  std::set<std::string> given_back = {};         // names that were released before its grant was heard of
  std::vector<std::string> to_release = {};      // of an undone one: names that it was granted
  bool keeps_grant = false;                      // an earlier process asked, and what it is granted is not undone
  bool claimed = false;                          // a call made that one its own, which may have been asked long ago

  bool is_in_line() const { return stage == Stage::kWaiting || stage == Stage::kCancelling; }
  bool is_once() const { return terms.wait && *terms.wait <= Duration::zero(); }
  locks::Acquire as_asked() const { return {names, terms.mode, terms.permits, !is_once(), terms.thread}; }
};

class AcquisitionTable {
 public:
  AcquisitionId add(Acquisition acquisition);
  void erase(AcquisitionId id);
  void clear();
  const Acquisition& at(AcquisitionId id) const;
  bool contains(AcquisitionId id) const { return acquisitions_.contains(id); }
  const std::map<AcquisitionId, Acquisition>& all() const { return acquisitions_; }
  // The one way in which an acquisition changes: change(id, [](Acquisition& one) { ... }).
  template <typename Change>
  void change(AcquisitionId id, const Change& change) {
    Acquisition& acquisition = find(id);
    const Keys before = keys_of(acquisition);
    change(acquisition);
    changed(id, before, acquisition);
  }
  CallId take_call(AcquisitionId id);  // from now on nobody waits for it

  // Which acquisitions an event concerns.
  std::vector<AcquisitionId> ended_waits(Time now) const;  // in line for as long as they were to be
  // Those with a call that has been without an answer for too long. `lease_silent_since`: since when no renewal was
  // answered. While an acquisition stands in line, renewals are what a quorum answers.
  std::vector<AcquisitionId> late(Time now, std::optional<Time> lease_silent_since) const;
  Time next_deadline(std::optional<Time> lease_silent_since) const;
  std::vector<AcquisitionId> in_line_for(const std::string& name) const;

  // How many of them have a call, have none, want a session, or stand in line.
  std::size_t calls() const { return acquisitions_.size() - abandoned_; }
  std::size_t abandoned() const { return abandoned_; }
  std::size_t wanted() const { return wanted_; }
  std::size_t in_line() const { return in_line_; }

  // Nothing is here, nor counted, nor indexed.
  bool is_idle() const {
    return acquisitions_.empty() && wait_ends_.empty() && deadlines_.empty() && timeouts_.empty() && lines_.empty() &&
           abandoned_ == 0 && wanted_ == 0 && in_line_ == 0;
  }
  void check_invariants() const;  // walks everything: for tests

 private:
  // By what it is found now.
  struct Keys {
    Time wait_ends = Time::max();
    Time deadline = Time::max();           // by its own silence
    std::optional<Duration> timeout = {};  // of one in line: counts from the lease's silence, too
    bool is_in_line = false;
    bool is_abandoned = false;
    bool is_wanted = false;
    friend bool operator==(const Keys&, const Keys&) = default;
  };
  static Keys keys_of(const Acquisition& acquisition);
  Acquisition& find(AcquisitionId id);
  void changed(AcquisitionId id, const Keys& before, const Acquisition& acquisition);
  void index(AcquisitionId id, const Keys& keys, const Acquisition& acquisition);
  void unindex(AcquisitionId id, const Keys& keys, const Acquisition& acquisition);

  std::map<AcquisitionId, Acquisition> acquisitions_;
  AcquisitionId last_;
  std::set<std::pair<Time, AcquisitionId>> wait_ends_;
  std::set<std::pair<Time, AcquisitionId>> deadlines_;
  std::set<std::pair<Duration, AcquisitionId>> timeouts_;
  std::map<std::string, std::set<AcquisitionId>> lines_;  // by name
  std::size_t abandoned_ = 0;
  std::size_t wanted_ = 0;
  std::size_t in_line_ = 0;
};

}  // namespace lockstep::client_core
