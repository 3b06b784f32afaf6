// What one cluster has decided: the committed log, when and by whom each entry was committed, and every
// state that follows from it. All that nodes and clients say is compared with this.
//
// The states come from the production state machine, run once, and beside it from the naive one, so that an
// error in the first one shows; and the rules that hold whatever a machine says are checked on what both did.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/locks/state_machine.hpp"
#include "protocol/raft/entry.hpp"
#include "tests/simulation/coverage.hpp"
#include "tests/simulation/past.hpp"
#include "tests/support/naive_machine.hpp"

namespace lockstep::simulation {

class Reference {
 public:
  struct Answer {
    LogIndex index;
    locks::Result result;
  };

  Reference(const locks::Bounds& bounds, Coverage& coverage)
      : bounds_(bounds),
        coverage_(&coverage),
        state_(locks::StateLimits(), bounds),
        naive_(locks::StateLimits(), bounds) {}

  // The next entry, committed now by the leader of `term`.
  void commit(Time when, Term term, const raft::Entry& entry);

  LogIndex last() const { return LogIndex(committed_.size()); }
  const raft::Entry& at(LogIndex index) const { return committed_.at(index.value() - 1).entry; }
  Term committed_in(LogIndex index) const { return committed_.at(index.value() - 1).term; }
  Time committed_at(LogIndex index) const { return committed_.at(index.value() - 1).when; }
  std::uint64_t hash_at(LogIndex index) const { return committed_.at(index.value() - 1).hash; }
  const std::vector<locks::LockChange>& changes_at(LogIndex index) const {
    return committed_.at(index.value() - 1).changes;
  }
  const locks::StateMachine& state() const { return state_; }
  // The session that the entry expired, if it did; not one whose waits alone it ended.
  SessionId expired_at(LogIndex index) const { return committed_.at(index.value() - 1).expired; }

  // What was so when `index` was the last entry applied.
  const Past& past() const { return past_; }
  // The grants that ever ended, in order.
  const std::vector<locks::HistoryEvent>& events() const { return naive_.history; }
  const locks::Bounds& bounds() const { return bounds_; }

  // Every answer that an entry gave to this request, oldest first. An Open is found by client and nonce.
  const std::vector<Answer>& answers_to(const locks::RequestKey& key) const;
  static locks::RequestKey key_of(const locks::Command& command);
  // The entry in which the request ran; none if it never did. Refusals do not count.
  LogIndex ran_at(const locks::RequestKey& key) const;

 private:
  struct Committed {
    raft::Entry entry;
    Term term;
    Time when{};
    std::uint64_t hash = 0;
    SessionId expired{};
    std::vector<locks::LockChange> changes{};
  };
  struct Ran {
    std::uint64_t fingerprint = 0;
    LogIndex index;
    locks::Result result;
  };
  using RequestId = std::pair<SessionId, RequestNumber>;

  void apply(LogIndex index, const raft::Entry& entry);
  void apply(LogIndex index, WallTime time, const locks::Command& command);
  std::set<std::string> names_in(const locks::Command& command) const;
  void judge_changes(LogIndex index, const std::vector<locks::LockChange>& changes);
  void judge_once(LogIndex index, const locks::Execute& request, const locks::Outcome& outcome);
  void note_result(const locks::Command& command, const locks::Result& result, bool is_new_session, bool was_full);
  void compare_views(LogIndex index, const std::set<std::string>& names);

  locks::Bounds bounds_;
  Coverage* coverage_;
  std::vector<Committed> committed_;
  locks::StateMachine state_;
  locks::NaiveMachine naive_;
  std::map<locks::RequestKey, std::vector<Answer>> answers_;
  Past past_;
  std::map<std::string, locks::LockChange> last_grant_;
  std::map<RequestId, Ran> ran_;
  std::set<std::string> preempted_once_;
  std::uint64_t forgotten_ends_ = 0;
};

// Locks with such a name are preempted by one call in the whole run, so that a client that runs one of
// its calls twice shows.
inline constexpr std::string_view kOncePrefix = "once/";

}  // namespace lockstep::simulation
